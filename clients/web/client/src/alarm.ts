import type { TimerId, Timers } from "./platform.ts";

/** One timer: set anew, it runs anew. */
export class Alarm {
  readonly #timers: Timers;
  #running: TimerId | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get isSet(): boolean {
    return this.#running !== undefined;
  }

  set(ms: number, action: () => void): void {
    this.clear();
    this.#running = this.#timers.set(() => {
      this.#running = undefined;
      action();
    }, ms);
  }

  clear(): void {
    this.#timers.clear(this.#running);
    this.#running = undefined;
  }
}
