import { Alarm } from "../alarm.ts";
import type { Platform } from "../platform.ts";
import { Settlement } from "../settlement.ts";
import type { PreflightCheck, PreflightName } from "./report.ts";

const LIMIT_MS = 8_000;

/** Each server by itself, so that one that works does not hide one that does not. */
export function checkIce(platform: Platform, servers: RTCIceServer[]): Promise<PreflightCheck[]> {
  const single = servers.flatMap((server) => [server.urls].flat().map((url) => ({ ...server, urls: url })));
  return Promise.all(single.map((server) => checkServer(platform, server)));
}

async function checkServer(platform: Platform, server: RTCIceServer & { urls: string }): Promise<PreflightCheck> {
  const url = server.urls;
  const name = kindOf(url);
  const wanted = name === "stun" ? "srflx" : "relay";
  const found = new Settlement<boolean>();
  const limit = new Alarm(platform.timers);
  let complaint: string | undefined;
  const listening = new AbortController();
  const { signal } = listening;
  const pc = new platform.RTCPeerConnection({ iceServers: [server], iceTransportPolicy: name === "stun" ? "all" : "relay" });
  try {
    const seen = ({ candidate }: RTCPeerConnectionIceEvent) => {
      if (candidate === null) found.resolve(false);
      else if (candidate.candidate.includes(` typ ${wanted}`)) found.resolve(true);
    };
    const failed = ({ errorCode, errorText }: RTCPeerConnectionIceErrorEvent) => (complaint = `${errorCode} ${errorText}`.trim());
    pc.addEventListener("icecandidate", seen, { signal });
    pc.addEventListener("icecandidateerror", failed, { signal });
    limit.set(LIMIT_MS, () => found.resolve(false));
    pc.addTransceiver("audio", { direction: "recvonly" });
    await pc.setLocalDescription();
    if (await found.promise) return { name, status: "ok", url, message: `${url} works.` };
    const why = complaint === undefined ? "it does not answer, or a firewall is in the way" : complaint;
    return { name, status: "failed", code: "no_candidate", url, message: `${url} gives no address: ${why}.` };
  } catch (error) {
    return { name, status: "failed", code: "no_candidate", url, message: `${url} can't be tried: ${String(error)}.` };
  } finally {
    limit.clear();
    listening.abort();
    pc.close();
  }
}

/** By the transport to the server (RFC 7065). */
function kindOf(url: string): PreflightName {
  if (url.startsWith("stun")) return "stun";
  if (url.startsWith("turns:")) return "turn-tls";
  return /[?&]transport=tcp\b/.test(url) ? "turn-tcp" : "turn-udp";
}
