import { RingbackError } from "../errors.ts";
import type { TimerId, Timers } from "../platform.ts";
import type { Ack, Request } from "../protocol.ts";

interface Waiting {
  text: string;
  call: string | undefined;
  sent: boolean;
  /** It is to be sent again later. */
  postponed: boolean;
  refusal: RingbackError | undefined;
  deadline: TimerId | undefined;
  resolve: (ack: Ack) => void;
  reject: (error: RingbackError) => void;
}

type Send = (text: string) => void;

/**
 * The requests that have no reply yet, in the order of their ids. Each is settled once: by its reply, by the end of its
 * session or of the connection, or by its deadline, if it has one.
 */
export class Pending {
  readonly #timers: Timers;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** `seen` goes with it. */
  add(request: Request, seen?: Record<string, number>, deadlineMs?: number): { id: number; reply: Promise<Ack> } {
    const id = this.nextId();
    const reply = new Promise<Ack>((resolve, reject) => {
      const text = JSON.stringify({ ...request, id, ...(seen === undefined ? {} : { seen }) });
      const call = "call" in request ? request.call : undefined;
      const deadline = deadlineMs === undefined ? undefined : this.#timers.set(() => this.#expire(id), deadlineMs);
      this.#waiting.set(id, { text, call, sent: false, postponed: false, refusal: undefined, deadline, resolve, reject });
    });
    return { id, reply };
  }

  /** Sends it, unless an earlier one of the same call is to be sent again first. */
  send(id: number, send: Send): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || this.#isBehind(id, waiting)) return;
    waiting.sent = true;
    waiting.postponed = false;
    send(waiting.text);
  }

  /** It may have been applied or not: it is sent again under its number, which makes that one. */
  postpone(id: number, refusal: RingbackError): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    waiting.postponed = true;
    waiting.refusal = refusal;
    return true;
  }

  /** Those that were put off, and what waited behind them. */
  sendPostponed(send: Send): void {
    for (const [id, { sent, postponed }] of [...this.#waiting]) if (!sent || postponed) this.send(id, send);
  }

  sendAll(send: Send): void {
    for (const id of [...this.#waiting.keys()]) this.send(id, send);
  }

  resolve(ack: Ack): void {
    this.#take(ack.id)?.resolve(ack);
  }

  reject(id: number | undefined, error: RingbackError): void {
    if (id !== undefined) this.#take(id)?.reject(error);
  }

  /** Those that are on their way; whether they arrived is not known. */
  rejectSent(error: RingbackError): void {
    for (const [id, waiting] of [...this.#waiting]) if (waiting.sent) this.reject(id, error);
  }

  rejectAll(error: RingbackError): void {
    for (const id of [...this.#waiting.keys()]) this.reject(id, error);
  }

  #isBehind(id: number, { call }: Waiting): boolean {
    if (call === undefined) return false;
    return [...this.#waiting].some(([other, waiting]) => other < id && waiting.call === call && waiting.postponed);
  }

  #expire(id: number): void {
    const late = new RingbackError("timeout", "no reply came in time");
    this.reject(id, this.#waiting.get(id)?.refusal ?? late);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#timers.clear(waiting?.deadline);
    return waiting;
  }
}
