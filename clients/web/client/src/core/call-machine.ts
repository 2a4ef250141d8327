import type { CallEffect, CallInput, CallModel, Circumstances, TimerName } from "./call-model.ts";
import { canAccept } from "./call-model.ts";
import { Draft } from "./draft.ts";
import * as gateway from "./gateway-rules.ts";
import * as media from "./media-rules.ts";
import { RingbackError } from "../errors.ts";

/** How long the gateway may take to take a call of ours. */
const PLACING_MS = 30_000;
/** How long a call lives on without a way to the gateway, where no media show that it does. */
const UNREACHABLE_MS = 60_000;

/** Every rule of a call, on this side of it: what has happened, and what follows. */
export function step(before: CallModel, input: CallInput, now: Circumstances): { call: CallModel; effects: CallEffect[] } {
  const draft = new Draft(before, now);
  take(draft, input);
  return draft.done();
}

function take(draft: Draft, input: CallInput): void {
  switch (input.type) {
    case "place":
      return place(draft);
    case "ring":
      return gateway.alert(draft);
    case "rejoin":
      return gateway.rejoin(draft, input.snapshot);
    case "accept":
      return accept(draft, input.media);
    case "reject":
      return reject(draft, input.reason);
    case "end":
      return end(draft);
    case "reply":
      return gateway.replied(draft, input.to, input.ack);
    case "refusal":
      return gateway.refused(draft, input.to, input.error);
    case "event":
      return gateway.event(draft, input.event);
    case "found":
      return gateway.placed(draft, input.id, input.role);
    case "snapshot":
      return gateway.reconcile(draft, input.snapshot, input.fresh);
    case "vanished":
      return draft.over(input.reason);
    case "online":
      return online(draft);
    case "offline":
      return offline(draft);
    case "transport":
      return media.transport(draft, input.state);
    case "failed":
      // Of what only rings here nothing can have failed.
      if (canAccept(draft.call)) return;
      return draft.leave(input.reason, { type: "call:end", reason: input.reason }, input.error);
    case "timer":
      return expired(draft, input.name);
  }
}

/** The devices are asked for while the call is being placed: it need not wait for the person. */
function place(draft: Draft): void {
  const { peer, media: wanted, metadata } = draft.call;
  draft.do({ type: "capture", media: wanted }, { type: "start", timer: "placing", ms: PLACING_MS });
  draft.ask({ type: "call:init", to: peer.user, media: wanted, ...(metadata === undefined ? {} : { metadata }) });
}

function accept(draft: Draft, wanted: CallModel["media"]): void {
  const { id } = draft.call;
  if (!canAccept(draft.call) || id === undefined) return;
  draft.call.answering = true;
  draft.do({ type: "capture", media: wanted });
  draft.ask({ type: "call:accept", call: id });
}

/** Once it is answered there is nothing left to reject: it ends. */
function reject(draft: Draft, reason: "rejected" | "busy"): void {
  if (!canAccept(draft.call)) return end(draft);
  draft.leave(reason, reason === "busy" ? { type: "call:reject", reason } : { type: "call:reject" });
}

function end(draft: Draft): void {
  if (canAccept(draft.call)) return reject(draft, "rejected");
  draft.leave(draft.call.state === "ringing" ? "cancelled" : "hangup", { type: "call:end" });
}

function online(draft: Draft): void {
  draft.call.online = true;
  if (draft.call.state === "ended") return;
  draft.do({ type: "stop", timer: "unreachable" });
  media.recovers(draft, "online");
}

function offline(draft: Draft): void {
  if (!draft.call.online) return;
  draft.call.online = false;
  if (draft.call.state !== "ended") draft.do({ type: "start", timer: "unreachable", ms: UNREACHABLE_MS });
}

function expired(draft: Draft, timer: TimerName): void {
  const { state, id, transport, online: reachable } = draft.call;
  if (state === "ended") return;
  switch (timer) {
    case "placing":
      if (id === undefined) {
        const error = new RingbackError("timeout", "the gateway did not take the call in time");
        draft.leave("failed", { type: "call:end" }, error);
      }
      return;
    case "unreachable":
      if (reachable) return;
      if (transport === "connected") draft.do({ type: "start", timer, ms: UNREACHABLE_MS });
      // It may ring on elsewhere.
      else if (canAccept(draft.call)) draft.over("connection_lost");
      else draft.leave("connection_lost", { type: "call:end" });
      return;
    case "recovery":
      return media.recovers(draft, "timer");
  }
}
