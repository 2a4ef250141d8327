import { Alarm } from "../alarm.ts";
import type { Timers } from "../platform.ts";
import type { CallEvent } from "../protocol.ts";

export type Seen = Record<string, number>;

const REPORT_MS = 2_000;

/** What has arrived and the gateway does not know so: it goes with the next request, or by itself after a while. */
export class SeenLedger {
  readonly #report: Alarm;
  readonly #due: () => void;
  #unreported: Seen = {};

  constructor(timers: Timers, due: () => void) {
    this.#report = new Alarm(timers);
    this.#due = due;
  }

  note({ call, seq }: CallEvent): void {
    this.#unreported[call] = seq;
    if (!this.#report.isSet) this.#report.set(REPORT_MS, this.#due);
  }

  /** It is reported now. `undefined`: there is nothing. */
  take(): Seen | undefined {
    this.#report.clear();
    const seen = this.#unreported;
    this.#unreported = {};
    return Object.keys(seen).length === 0 ? undefined : seen;
  }

  /** Without a connection there is nobody to report to; coming back says it all. */
  pause(): void {
    this.#report.clear();
  }
}
