/** When a client comes back, and whether it does. */

const BASE_MS = 400;
const CAP_MS = 15_000;
/** A device in a call is waited for some 20 s. */
const URGENT_CAP_MS = 2_000;
/** A connection that lasted so long was a good one: the next trouble starts from nothing. */
const STABLE_MS = 5_000;

export interface Trouble {
  /** How long the connection was good for, in milliseconds; 0 if it never was. */
  lastedMs: number;
  /** What the gateway asks for. */
  retryAfterMs: number;
  /** There are calls that end if it takes long. */
  urgent: boolean;
  /** From 0 to 1. */
  random: number;
}

/** Exponential back-off with full jitter: a random share of a bound that doubles. */
export function retryDelay(failures: number, { lastedMs, retryAfterMs, urgent, random }: Trouble): { failures: number; delayMs: number } {
  const before = lastedMs >= STABLE_MS ? 0 : failures;
  const bound = Math.min(urgent ? URGENT_CAP_MS : CAP_MS, BASE_MS * 2 ** before);
  // Not before the gateway asks for it, and not all at once then.
  return { failures: before + 1, delayMs: retryAfterMs + Math.round(random * bound) };
}

/** Whether a client comes back after this close code. Codes that are not the protocol's own mean a broken network. */
export function comesBack(code: number): boolean {
  return code < 4500 || code > 4999;
}
