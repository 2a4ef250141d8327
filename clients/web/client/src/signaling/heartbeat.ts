import { Alarm } from "../alarm.ts";
import type { Timers } from "../platform.ts";

export interface HeartbeatOptions {
  timers: Timers;
  ping: () => void;
  /** A probe was answered. */
  alive: () => void;
  /** Nothing comes any more, although the socket does not say so. */
  dead: () => void;
}

const PONG_LIMIT_MS = 8_000;
/** How long an answer may take where there is reason for doubt. */
const PROBE_LIMIT_MS = 3_000;
/** A timer that is so late has slept, and the machine with it. */
const SLEPT_MS = 5_000;

/** Finds the zombie: a connection that is open by the browser's account, and on which nothing comes. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #next: Alarm;
  readonly #limit: Alarm;
  #intervalMs = 0;
  #probing = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#next = new Alarm(options.timers);
    this.#limit = new Alarm(options.timers);
  }

  start(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    this.#schedule();
  }

  stop(): void {
    this.#next.clear();
    this.#limit.clear();
    this.#probing = false;
  }

  heard(): void {
    this.#limit.clear();
    if (!this.#probing) return;
    this.#probing = false;
    this.#options.alive();
  }

  /** The network has changed, or the machine has slept: is it still there? */
  probe(): void {
    this.#probing = true;
    this.#ping(PROBE_LIMIT_MS);
  }

  #schedule(): void {
    const { timers } = this.#options;
    const due = timers.now() + this.#intervalMs;
    this.#next.set(this.#intervalMs, () => {
      if (timers.now() - due > SLEPT_MS) this.probe();
      // The last one is not answered yet: another would only put its time limit off.
      else if (this.#limit.isSet) this.#schedule();
      else this.#ping(PONG_LIMIT_MS);
    });
  }

  #ping(limitMs: number): void {
    this.#schedule();
    this.#limit.set(Math.min(limitMs, this.#intervalMs), this.#options.dead);
    this.#options.ping();
  }
}
