/** Exponential back-off with full jitter: a random share of a bound that doubles. */
export class Backoff {
  readonly #random: () => number;
  readonly #baseMs: number;
  readonly #capMs: number;
  #attempts = 0;

  constructor(random: () => number, baseMs = 400, capMs = 15_000) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** `capMs` bounds this wait alone. */
  next(capMs = this.#capMs): number {
    const bound = Math.min(capMs, this.#baseMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.round(this.#random() * bound);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
