import type { TimerName } from "./core/call-model.ts";
import type { TimerId, Timers } from "./platform.ts";

/** A call's timers, by name: one started anew runs anew. */
export class CallTimers {
  readonly #timers: Timers;
  readonly #expired: (name: TimerName) => void;
  readonly #running = new Map<TimerName, TimerId>();

  constructor(timers: Timers, expired: (name: TimerName) => void) {
    this.#timers = timers;
    this.#expired = expired;
  }

  start(name: TimerName, ms: number): void {
    this.stop(name);
    const expired = () => {
      this.#running.delete(name);
      this.#expired(name);
    };
    this.#running.set(name, this.#timers.set(expired, ms));
  }

  stop(name: TimerName): void {
    this.#timers.clear(this.#running.get(name));
    this.#running.delete(name);
  }

  stopAll(): void {
    for (const name of [...this.#running.keys()]) this.stop(name);
  }
}
