import type { TimerId, Timers } from "../platform.ts";
import type { Candidate } from "../protocol.ts";

const BATCH_MS = 50;
/** The gateway takes so many at a time from anybody. */
const BATCH_MAX = 20;

/** Gathers this side's candidates for a moment: they come in bursts, and a burst is one request. */
export class OwnCandidates {
  readonly #timers: Timers;
  readonly #send: (candidates: Candidate[]) => void;
  #batch: Candidate[] = [];
  #timer: TimerId | undefined;

  constructor(timers: Timers, send: (candidates: Candidate[]) => void) {
    this.#timers = timers;
    this.#send = send;
  }

  /** `null` is the end of them. */
  add(candidate: RTCIceCandidate | null): void {
    // An empty one ends the candidates of one generation; the protocol knows only the end of all.
    if (candidate?.candidate === "") return;
    this.#batch.push(candidate === null ? null : candidate.toJSON());
    if (candidate === null || this.#batch.length >= BATCH_MAX) this.#flush();
    else this.#timer ??= this.#timers.set(() => this.#flush(), BATCH_MS);
  }

  /** They belong to an offer that was taken back. */
  discard(): void {
    this.#timers.clear(this.#timer);
    this.#timer = undefined;
    this.#batch = [];
  }

  #flush(): void {
    const batch = this.#batch;
    this.discard();
    if (batch.length > 0) this.#send(batch);
  }
}
