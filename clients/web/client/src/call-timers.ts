import { Alarm } from "./alarm.ts";
import type { TimerName } from "./core/call-model.ts";
import type { Timers } from "./platform.ts";

/** A call's timers, by name. */
export class CallTimers {
  readonly #alarms: Record<TimerName, Alarm>;
  readonly #expired: (name: TimerName) => void;

  constructor(timers: Timers, expired: (name: TimerName) => void) {
    this.#alarms = { placing: new Alarm(timers), unreachable: new Alarm(timers), recovery: new Alarm(timers) };
    this.#expired = expired;
  }

  start(name: TimerName, ms: number): void {
    this.#alarms[name].set(ms, () => this.#expired(name));
  }

  stop(name: TimerName): void {
    this.#alarms[name].clear();
  }

  stopAll(): void {
    for (const alarm of Object.values(this.#alarms)) alarm.clear();
  }
}
