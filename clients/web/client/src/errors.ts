import type { ErrorCode, ErrorFrame } from "./protocol.ts";

/** What can go wrong on this side. */
export type LocalErrorCode =
  /** The connection is over for good, or the call is. */
  | "closed"
  /** The reply is lost with its session: whether the request was applied can't be told. */
  | "disconnected"
  | "timeout"
  /** Another tab of this device is in a call. */
  | "other_tab"
  /** The person, or the page's policy, does not allow microphone or camera. */
  | "permission_denied"
  | "device_not_found"
  | "device_in_use"
  /** A device was unplugged or taken away in the middle of a call. */
  | "device_lost"
  | "media_failed"
  /** The browser can't, or not on this page. */
  | "not_supported";

export type RingbackErrorCode = ErrorCode | LocalErrorCode;

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
