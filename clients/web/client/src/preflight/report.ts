import type { RingbackErrorCode } from "../errors.ts";

export type PreflightName = "socket" | "token" | "microphone" | "camera" | "stun" | "turn-udp" | "turn-tcp" | "turn-tls";

export interface PreflightCheck {
  name: PreflightName;
  /** `skipped`: something that it needs has failed. */
  status: "ok" | "failed" | "skipped";
  /** What is the matter, in a word to switch on. */
  code?: RingbackErrorCode | "unreachable" | "no_candidate";
  /** What is the matter, in words. */
  message: string;
  /** Which server, with STUN and TURN. */
  url?: string;
}

export interface PreflightReport {
  /** Nothing has failed. */
  ok: boolean;
  checks: PreflightCheck[];
}
