import type { TimerId, Timers } from "../platform.ts";

export interface RecoveryOptions {
  timers: Timers;
  restart: () => void;
  giveUp: () => void;
}

/** How long a connection may come back by itself before ICE is restarted. */
const GRACE_MS = 2_000;
/** How long a restart may take before the next. */
const PATIENCE_MS = 8_000;
const TRIES = 3;

/** What is done when the media stop: ICE restarts, a few of them, and then no more. */
export class Recovery {
  readonly #options: RecoveryOptions;
  #timer: TimerId | undefined;
  #tries = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  note(state: RTCPeerConnectionState): void {
    if (state === "connected") this.stop();
    else if (state === "disconnected") this.#timer ??= this.#options.timers.set(() => this.#try(), GRACE_MS);
    else if (state === "failed") this.#try();
  }

  /** A connection is to come; it is not waited for without an end. */
  expect(): void {
    this.#timer ??= this.#options.timers.set(() => this.#try(), PATIENCE_MS);
  }

  /** The gateway can be reached again: what failed without it need not count. */
  hurry(): void {
    if (this.#timer === undefined) return;
    this.#tries = 0;
    this.#try();
  }

  stop(): void {
    this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
    this.#tries = 0;
  }

  #try(): void {
    const { timers, restart, giveUp } = this.#options;
    timers.clear(this.#timer);
    if (this.#tries >= TRIES) {
      this.stop();
      giveUp();
      return;
    }
    this.#tries += 1;
    this.#timer = timers.set(() => this.#try(), PATIENCE_MS);
    restart();
  }
}
