import type { RingbackError } from "../errors.ts";
import type { CallEvent, EndReason, Endpoint } from "../protocol.ts";

/** How a call ended. */
export interface Outcome {
  /** The protocol's reason; `failed` when the call could not be placed, with `error`; `other_tab` when it goes on in another tab. */
  reason: EndReason | "failed" | "other_tab";
  /** Who ended it; absent when the server did. */
  by?: Endpoint;
  /** From the placing of the call to media on both sides. */
  setupMs?: number;
  /** From there to the end. */
  durationMs?: number;
  /** Why, in more detail: what the application's policy said, or `max_duration`. */
  detail?: string;
  error?: RingbackError;
}

export function outcomeOf(event: Extract<CallEvent, { type: "call:ended" }>): Outcome {
  return {
    reason: event.reason,
    ...(event.by === undefined ? {} : { by: event.by }),
    ...(event.setup_ms === undefined ? {} : { setupMs: event.setup_ms }),
    ...(event.duration_ms === undefined ? {} : { durationMs: event.duration_ms }),
    ...(event.detail === undefined ? {} : { detail: event.detail }),
  };
}
