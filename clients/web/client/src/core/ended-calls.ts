/** How long they are named: somewhat less than the gateway keeps them, which can't go on from one that is gone. */
const NAMED_MS = 110_000;
/** A late event of one that is forgotten makes a phone ring that nobody is at. */
const REMEMBERED = 32;

/** Calls that are over here, and of which the gateway may still speak: it does not know how much we know. */
export class EndedCalls {
  readonly #calls = new Map<string, { seq: number; at: number }>();

  add(id: string, seq: number, at: number): void {
    this.#calls.set(id, { seq, at });
    const [oldest] = this.#calls.keys();
    if (oldest !== undefined && this.#calls.size > REMEMBERED) this.#calls.delete(oldest);
  }

  /** Something more has come of one of them. Whether it is one. */
  heard(id: string, seq: number): boolean {
    const call = this.#calls.get(id);
    if (call !== undefined) call.seq = Math.max(call.seq, seq);
    return call !== undefined;
  }

  /** Of each that has ended lately the last event that has arrived: those that are not named are replayed. */
  seen(now: number): Record<string, number> {
    const lately = [...this.#calls].filter(([, { at }]) => now - at < NAMED_MS);
    return Object.fromEntries(lately.map(([id, { seq }]) => [id, seq]));
  }
}
