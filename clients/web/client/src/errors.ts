import type { ErrorCode, ErrorFrame } from "./protocol.ts";

/**
 * The protocol's codes, and what can go wrong on this side: `closed` (for good), `disconnected` (the reply is lost),
 * `timeout` (none came), `media_denied` (no microphone, or no camera, for us).
 */
export type RingbackErrorCode = ErrorCode | "closed" | "disconnected" | "timeout" | "media_denied";

export class RingbackError extends Error {
  readonly code: RingbackErrorCode;
  /** How long to wait before the same can be asked again. */
  readonly retryAfterMs: number | undefined;
  /** The state that a call is in, with `invalid_state`. */
  readonly state: string | undefined;

  constructor(code: RingbackErrorCode, message: string, details: { retryAfterMs?: number; state?: string; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.name = "RingbackError";
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
    this.state = details.state;
  }

  static from(frame: ErrorFrame): RingbackError {
    return new RingbackError(frame.code, frame.message, {
      ...(frame.retry_after_ms === undefined ? {} : { retryAfterMs: frame.retry_after_ms }),
      ...(frame.state === undefined ? {} : { state: frame.state }),
    });
  }
}

export function hasCode(error: unknown, ...codes: RingbackErrorCode[]): error is RingbackError {
  return error instanceof RingbackError && codes.includes(error.code);
}
