import type { TimerId, Timers } from "../../src/platform.ts";

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
}

/** Time that passes when the test says so. */
export class VirtualTimers implements Timers {
  #now = 1_790_000_000_000;
  #lastId = 0;
  readonly #due = new Map<number, { at: number; action: () => void }>();

  set(action: () => void, ms: number): TimerId {
    this.#lastId += 1;
    this.#due.set(this.#lastId, { at: this.#now + ms, action });
    return this.#lastId as unknown as TimerId;
  }

  clear(id: TimerId | undefined): void {
    this.#due.delete(id as unknown as number);
  }

  now(): number {
    return this.#now;
  }

  get waiting(): number {
    return this.#due.size;
  }

  /** The machine sleeps: no timer runs meanwhile, and those that are due run late. */
  async sleep(ms: number): Promise<void> {
    this.#now += ms;
    const due = [...this.#due].filter(([, { at }]) => at <= this.#now).sort(([, a], [, b]) => a.at - b.at);
    for (const [id, { action }] of due) {
      if (!this.#due.delete(id)) continue;
      action();
      await settle();
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (;;) {
      const [next] = [...this.#due].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined) break;
      const [id, { at, action }] = next;
      this.#due.delete(id);
      this.#now = at;
      action();
      await settle();
    }
    this.#now = until;
  }
}
