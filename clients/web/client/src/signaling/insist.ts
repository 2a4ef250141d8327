import { hasCode } from "../errors.ts";
import type { Ack, Request } from "../protocol.ts";

/** Aborted before the request has gone out, it does not go out any more. */
export type Ask = (request: Request, signal?: AbortSignal) => Promise<Ack>;

/**
 * Asks until there is an answer: a reply that got lost with its session is none. An earlier copy may have been applied; then
 * the repetition is refused as `invalid_state`.
 */
export async function insist(ask: Ask, request: Request, wanted: () => boolean): Promise<void> {
  for (;;) {
    try {
      await ask(request);
      return;
    } catch (error) {
      if (!wanted() || !hasCode(error, "disconnected")) throw error;
    }
  }
}
