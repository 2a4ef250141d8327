import { hasCode } from "../errors.ts";
import type { Timers } from "../platform.ts";
import type { Ack, Request } from "./protocol.ts";

export type Ask = (request: Request) => Promise<Ack>;

const PAUSE_MS = 1_000;

/**
 * Asks until the answer means something: a reply that got lost and a store that is away are no answers. An earlier copy
 * may have been applied; then the repetition is refused as `invalid_state`.
 */
export async function insist(ask: Ask, timers: Timers, request: Request, wanted = () => true): Promise<void> {
  for (;;) {
    try {
      await ask(request);
      return;
    } catch (error) {
      if (!wanted() || !hasCode(error, "disconnected", "unavailable", "rate_limited")) throw error;
      if (!hasCode(error, "disconnected")) await new Promise<void>((done) => timers.set(done, PAUSE_MS));
    }
  }
}
