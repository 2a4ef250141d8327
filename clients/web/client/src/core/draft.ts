import type { RingbackError } from "../errors.ts";
import type { EndReason, Request } from "../protocol.ts";
import type { CallEffect, CallModel, Circumstances, Farewell } from "./call-model.ts";
import { linkOf } from "./call-model.ts";
import type { Outcome } from "./outcome.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A step in the making: the next call, and what is to be done. */
export class Draft {
  readonly call: Mutable<CallModel>;
  readonly effects: CallEffect[] = [];
  readonly #before: CallModel;
  readonly #now: Circumstances;

  constructor(before: CallModel, now: Circumstances) {
    this.#before = before;
    this.#now = now;
    this.call = { ...before };
  }

  get at(): number {
    return this.#now.at;
  }

  do(...effects: CallEffect[]): void {
    this.effects.push(...effects);
  }

  ask(request: Request): void {
    this.do({ type: "ask", request });
  }

  /** Ends the call here, now; the gateway is told, however long that takes. */
  leave(reason: Outcome["reason"], farewell: Farewell, error?: RingbackError): void {
    if (this.call.state === "ended") return;
    const { setupMs, connectedAt } = this.call;
    const { me, at } = this.#now;
    this.call.farewell = farewell;
    this.finish({
      reason,
      ...(me === undefined ? {} : { by: me }),
      ...(setupMs === undefined ? {} : { setupMs }),
      ...(connectedAt === undefined ? {} : { durationMs: at - connectedAt }),
      ...(error === undefined ? {} : { error }),
    });
    if (this.call.id === undefined) this.do({ type: "withdraw" });
    this.sayFarewell();
  }

  /** Without an id there is nothing to name it by: it is said when the gateway has given one. */
  sayFarewell(): void {
    const { farewell, id } = this.call;
    if (farewell !== undefined && id !== undefined) this.ask({ ...farewell, call: id });
  }

  /** The end is no news to the gateway. */
  over(outcome: Outcome | EndReason | "other_tab"): void {
    const { state, farewell } = this.call;
    this.finish(typeof outcome === "string" ? { reason: outcome } : outcome);
    if (state !== "ended" || farewell === undefined) this.do({ type: "settled" });
  }

  finish(outcome: Outcome): void {
    if (this.call.state === "ended") return;
    this.call.state = "ended";
    this.call.outcome = outcome;
    this.call.negotiating = false;
    this.call.early = [];
    this.do({ type: "release" });
  }

  /** What has changed is told last, when everything is as it is told. */
  done(): { call: CallModel; effects: CallEffect[] } {
    const { call, effects } = this;
    const before = this.#before;
    const news: CallEffect[] = [];
    if (call.state !== before.state) news.push({ type: "tell", news: "state" });
    if (call.alerting !== before.alerting) news.push({ type: "tell", news: "alerting" });
    if (call.state === "ended") {
      if (before.state !== "ended") news.push({ type: "tell", news: "ended" });
    } else if (linkOf(call) !== linkOf(before)) {
      news.push({ type: "tell", news: "link" });
    }
    return { call, effects: [...effects, ...news] };
  }
}
