import { RingbackError } from "./errors.ts";
import type { Platform } from "./platform.ts";
import type { EndReason, Endpoint, LoggedFrame, Media, MissedFrame, Role } from "./protocol.ts";

/** A call that was missed while nobody of this device was there to see it. */
export interface MissedCall {
  id: string;
  peer: Endpoint;
  media: Media;
  /** When it was placed and when it ended, in milliseconds since the epoch. */
  at: number;
  endedAt: number;
  reason: EndReason;
}

export interface MissedCalls {
  /** The newest first. */
  calls: readonly MissedCall[];
  /** Whether there are older ones, which the log has. */
  more: boolean;
}

/** A call that is over, as the gateway keeps it. */
export interface LoggedCall {
  id: string;
  role: Role;
  /** `device` is the one that called, or that answered. */
  peer: { user: string; device?: string };
  media: Media;
  at: number;
  endedAt: number;
  reason: EndReason;
  by?: Endpoint;
  /** By a device of the callee, whichever. */
  answered: boolean;
  answeredBy?: string;
  /** It is for this user to call back. */
  missed: boolean;
  setupMs?: number;
  durationMs?: number;
  detail?: string;
}

export interface CallLogPage {
  /** The newest first. */
  calls: readonly LoggedCall[];
  /** Where the next page begins (`before`); absent on the last. */
  next?: string;
}

export interface CallLogOptions {
  /** What `next` said, or a time in milliseconds since the epoch. */
  before?: string | number;
  /** 1 to 100; 50 when absent. */
  limit?: number;
  signal?: AbortSignal;
}

export function missedCalls({ calls, more }: MissedFrame): MissedCalls {
  const read = ({ call, from, media, at, ended_at, reason }: MissedFrame["calls"][number]): MissedCall => {
    return { id: call, peer: from, media, at, endedAt: ended_at, reason };
  };
  return { calls: calls.map(read), more };
}

function loggedCall({ call, role, peer, media, at, ended_at, reason, by, answered, answered_by, missed, setup_ms, duration_ms, detail }: LoggedFrame): LoggedCall {
  return {
    ...{ id: call, role, peer, media, at, endedAt: ended_at, reason, answered, missed },
    ...(by === undefined ? {} : { by }),
    ...(answered_by === undefined ? {} : { answeredBy: answered_by }),
    ...(setup_ms === undefined ? {} : { setupMs: setup_ms }),
    ...(duration_ms === undefined ? {} : { durationMs: duration_ms }),
    ...(detail === undefined ? {} : { detail }),
  };
}

/** Beside the socket. */
function address(socketUrl: string, { before, limit }: CallLogOptions): string {
  const url = new URL("log", socketUrl);
  url.protocol = url.protocol.replace("ws", "http");
  if (before !== undefined) url.searchParams.set("before", `${before}`);
  if (limit !== undefined) url.searchParams.set("limit", `${limit}`);
  return url.href;
}

const CODES: Record<number, "bad_request" | "unauthorized" | "rate_limited"> = { 400: "bad_request", 401: "unauthorized", 429: "rate_limited" };

export async function fetchLog(platform: Platform, socketUrl: string, token: string, options: CallLogOptions): Promise<CallLogPage> {
  const { signal } = options;
  let status = 0;
  try {
    const answer = await platform.fetch(address(socketUrl, options), { headers: { authorization: `Bearer ${token}` }, ...(signal && { signal }) });
    status = answer.status;
    const body = (await answer.json()) as { error?: string; calls: LoggedFrame[]; next?: string };
    if (!answer.ok) throw new Error(body.error);
    return { calls: body.calls.map(loggedCall), ...(body.next === undefined ? {} : { next: body.next }) };
  } catch (cause) {
    throw new RingbackError(CODES[status] ?? "unavailable", `the log can't be had: ${cause instanceof Error ? cause.message : "no answer"}`, { cause });
  }
}
