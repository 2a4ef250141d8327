import { Alarm } from "../alarm.ts";
import type { RingbackError } from "../errors.ts";
import { Capture } from "../media/capture.ts";
import { browserPlatform, type Platform } from "../platform.ts";
import type { TokenSource } from "../signaling/token-keeper.ts";
import { checkGateway } from "./gateway-check.ts";
import { checkIce } from "./ice-check.ts";
import type { PreflightCheck, PreflightReport } from "./report.ts";

export interface PreflightOptions {
  /** The gateway's socket: `wss://…/v1/ws`. */
  url: string;
  token: string | TokenSource;
  /** Which devices are tried; both, if nothing is said. The person is asked for them, and they are let go of at once. */
  media?: { audio?: boolean; video?: boolean };
  platform?: Partial<Platform>;
}

type Device = "microphone" | "camera";

/** How long a person may look at the browser's question. */
const PERSON_LIMIT_MS = 30_000;

/**
 * Tries everything that a call needs, and says in words what is wrong: the way to the gateway, the token, microphone and
 * camera, and each STUN and TURN server that the gateway names. It never rejects, and takes some seconds, or as long as the
 * person does with the browser's questions (30 s each at most). To the gateway it is a device of its own for a moment.
 */
export async function preflight(options: PreflightOptions): Promise<PreflightReport> {
  const platform = { ...browserPlatform(), ...options.platform };
  const { audio = true, video = true } = options.media ?? {};
  const devices = checkDevices(platform, [...(audio ? ["microphone" as const] : []), ...(video ? ["camera" as const] : [])]);
  const gateway = await checkGateway(platform, options.url, options.token);
  const ice = await checkIce(platform, gateway.iceServers);
  const checks = [...gateway.checks, ...(await devices), ...ice];
  return { ok: checks.every(({ status }) => status !== "failed"), checks };
}

/** One after the other: a browser asks a person one question at a time. */
async function checkDevices(platform: Platform, wanted: Device[]): Promise<PreflightCheck[]> {
  const checks: PreflightCheck[] = [];
  for (const device of wanted) checks.push(await checkDevice(platform, device));
  return checks;
}

async function checkDevice(platform: Platform, name: Device): Promise<PreflightCheck> {
  const capture = new Capture(platform);
  const limit = new Alarm(platform.timers);
  limit.set(PERSON_LIMIT_MS, () => capture.close());
  try {
    await capture.devices({ [name === "microphone" ? "audio" : "video"]: true });
    return { name, status: "ok", message: `The ${name} works.` };
  } catch (error) {
    const { code, message } = error as RingbackError;
    if (code === "closed") return { name, status: "failed", code: "timeout", message: `Nobody has allowed the ${name}.` };
    return { name, status: "failed", code, message: `The ${name} can't be used: ${message}.` };
  } finally {
    limit.clear();
    capture.close();
  }
}
