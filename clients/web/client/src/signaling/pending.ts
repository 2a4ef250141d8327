import { Alarm } from "../alarm.ts";
import { RingbackError } from "../errors.ts";
import type { TimerId, Timers } from "../platform.ts";
import type { Ack, ErrorFrame, Request } from "../protocol.ts";
import type { Seen } from "./seen-ledger.ts";

interface Waiting {
  readonly text: string;
  readonly call: string | undefined;
  readonly deadline: TimerId | undefined;
  readonly resolve: (ack: Ack) => void;
  readonly reject: (error: RingbackError) => void;
  /** `held` behind one that was put off; `put off` itself, until the gateway can be asked again. */
  state: "held" | "sent" | "put off";
  /** Why it was put off, as long as nothing else has been said. */
  refusal: RingbackError | undefined;
}

export interface AskOptions {
  /** Goes with it. */
  seen?: Seen | undefined;
  deadlineMs?: number | undefined;
  /** Aborted before it has been sent, it is not sent any more. */
  signal?: AbortSignal | undefined;
}

export interface PendingOptions {
  timers: Timers;
  random: () => number;
  send: (text: string) => void;
}

const RETRY_AFTER_MS = 1_000;

/**
 * The requests that have no reply yet, in the order of their ids. Each is settled once: by its reply, by the end of its
 * session or of the connection, or by its deadline, if it has one. What the gateway could not store may have been applied:
 * it is sent again under its number, and of its call nothing overtakes it.
 */
export class Pending {
  readonly #options: PendingOptions;
  readonly #again: Alarm;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #online = false;

  constructor(options: PendingOptions) {
    this.#options = options;
    this.#again = new Alarm(options.timers);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  ask(request: Request, { seen, deadlineMs, signal }: AskOptions = {}): Promise<Ack> {
    if (signal?.aborted) return Promise.reject(withdrawn());
    const id = this.nextId();
    signal?.addEventListener("abort", () => this.#withdraw(id), { once: true });
    return new Promise<Ack>((resolve, reject) => {
      const text = JSON.stringify({ ...request, id, ...(seen === undefined ? {} : { seen }) });
      const call = "call" in request ? request.call : undefined;
      const deadline = deadlineMs === undefined ? undefined : this.#options.timers.set(() => this.#expire(id), deadlineMs);
      this.#waiting.set(id, { text, call, deadline, resolve, reject, state: "held", refusal: undefined });
      if (call === undefined) this.#send(id);
      else this.#release(call);
    });
  }

  /** A connection is there: everything that has no reply is sent, in order. */
  resume(): void {
    this.#online = true;
    for (const [id, waiting] of [...this.#waiting]) {
      waiting.refusal = undefined;
      this.#send(id);
    }
  }

  pause(): void {
    this.#online = false;
    this.#again.clear();
  }

  resolve(ack: Ack): void {
    this.#take(ack.id)?.resolve(ack);
  }

  refuse({ id, retry_after_ms: later = RETRY_AFTER_MS, ...frame }: ErrorFrame): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (waiting === undefined || id === undefined) return;
    const error = RingbackError.from({ ...frame, retry_after_ms: later });
    if (error.code !== "unavailable") return this.#reject(id, error);
    waiting.state = "put off";
    waiting.refusal = error;
    const { random } = this.#options;
    if (!this.#again.isSet) this.#again.set(later * (1 + random()), () => this.#sendAgain());
  }

  /** Those that are on their way; whether they arrived is not known. */
  rejectSent(error: RingbackError): void {
    for (const [id, { state }] of [...this.#waiting]) if (state !== "held") this.#reject(id, error);
  }

  rejectAll(error: RingbackError): void {
    for (const id of [...this.#waiting.keys()]) this.#reject(id, error);
  }

  /** All that were put off, in order; what waits behind them waits for their replies: others may be put off still. */
  #sendAgain(): void {
    for (const [id, { state }] of [...this.#waiting]) if (state === "put off") this.#send(id);
  }

  /** Sends what is held of a call, unless something before it is in doubt. */
  #release(call: string): void {
    for (const [id, waiting] of [...this.#waiting]) {
      if (waiting.call !== call) continue;
      if (waiting.refusal !== undefined) return;
      if (waiting.state === "held") this.#send(id);
    }
  }

  #send(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || !this.#online) return;
    waiting.state = "sent";
    this.#options.send(waiting.text);
  }

  #withdraw(id: number): void {
    if (this.#waiting.get(id)?.state === "held") this.#reject(id, withdrawn());
  }

  #expire(id: number): void {
    this.#reject(id, this.#waiting.get(id)?.refusal ?? new RingbackError("timeout", "no reply came in time"));
  }

  #reject(id: number, error: RingbackError): void {
    this.#take(id)?.reject(error);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#options.timers.clear(waiting?.deadline);
    if (waiting?.call !== undefined) this.#release(waiting.call);
    return waiting;
  }
}

function withdrawn(): RingbackError {
  return new RingbackError("closed", "nobody wants it any more");
}
