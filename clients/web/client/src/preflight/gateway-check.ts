import { Alarm } from "../alarm.ts";
import { RingbackError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { ServerFrame, Welcome } from "../protocol.ts";
import { Settlement } from "../settlement.ts";
import { GatewaySocket } from "../signaling/gateway-socket.ts";
import type { TokenSource } from "../signaling/token-keeper.ts";
import type { PreflightCheck } from "./report.ts";

const LIMIT_MS = 8_000;

interface GatewayCheck {
  checks: PreflightCheck[];
  iceServers: RTCIceServer[];
}

/** The way to the gateway, and whether it takes the token. */
export async function checkGateway(platform: Platform, url: string, source: string | TokenSource): Promise<GatewayCheck> {
  let token: string;
  try {
    token = typeof source === "string" ? source : await source("connect");
  } catch (error) {
    const message = `The application has no token: ${error instanceof Error ? error.message : String(error)}.`;
    return { checks: [{ name: "socket", status: "skipped", message: "Not tried without a token." }, { name: "token", status: "failed", message }], iceServers: [] };
  }
  const answer = new Settlement<Welcome | RingbackError | undefined>();
  let isOpen = false;
  const limit = new Alarm(platform.timers);
  limit.set(LIMIT_MS, () => answer.resolve(undefined));
  const socket = new GatewaySocket(platform, {
    url,
    opened: () => {
      isOpen = true;
      const device = `preflight-${platform.randomId()}`;
      socket.send({ type: "hello", id: 1, token, device, client: { name: "ringback-preflight", version: "0.1.0" } });
    },
    heard: () => undefined,
    frame: (frame) => answer.resolve(read(frame)),
    closed: () => answer.resolve(undefined),
  });
  const said = await answer.promise;
  limit.clear();
  socket.drop();
  return verdict(said, isOpen);
}

function read(frame: ServerFrame): Welcome | RingbackError | undefined {
  if (frame.type === "error") return RingbackError.from(frame);
  return frame.type === "ack" ? (frame as Welcome) : undefined;
}

function verdict(said: Welcome | RingbackError | undefined, isOpen: boolean): GatewayCheck {
  if (!isOpen) {
    const message = "The gateway can't be reached by WebSocket: a proxy or firewall may be in the way, or the address is wrong.";
    return { checks: [{ name: "socket", status: "failed", code: "unreachable", message }, { name: "token", status: "skipped", message: "Not tried." }], iceServers: [] };
  }
  const socket: PreflightCheck = { name: "socket", status: "ok", message: "The gateway can be reached." };
  if (said === undefined) {
    const message = "The gateway does not answer.";
    return { checks: [socket, { name: "token", status: "failed", code: "timeout", message }], iceServers: [] };
  }
  if (said instanceof RingbackError) {
    const message = `The gateway refuses: ${said.message}.`;
    return { checks: [socket, { name: "token", status: "failed", code: said.code, message }], iceServers: [] };
  }
  return { checks: [socket, { name: "token", status: "ok", message: `The gateway knows ${said.user}.` }], iceServers: said.ice_servers };
}
