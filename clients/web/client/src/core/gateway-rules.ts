import { hasCode, type RingbackError } from "../errors.ts";
import type { Ack, CallEvent, Request, Role, Snapshot } from "../protocol.ts";
import type { Draft } from "./draft.ts";
import * as media from "./media-rules.ts";
import { outcomeOf } from "./outcome.ts";

/** The gateway has taken the call: as the callee's answer, where the other's call crossed ours. */
export function placed(draft: Draft, id: string, role: Role): void {
  const { call } = draft;
  if (call.id !== undefined) return;
  call.id = id;
  draft.do({ type: "named", id }, { type: "stop", timer: "placing" });
  if (call.state === "ended") return draft.sayFarewell();
  call.role = role;
  call.answering = role === "callee";
}

/** Says that it rings here. */
export function alert(draft: Draft): void {
  const { role, state, answering, id } = draft.call;
  if (role === "callee" && state === "ringing" && !answering && id !== undefined) {
    draft.ask({ type: "call:ringing", call: id });
  }
}

/** It goes on from before this page was loaded, with devices and a peer connection of its own. */
export function rejoin(draft: Draft, { state, created_at }: Snapshot): void {
  draft.do({ type: "capture", media: draft.call.media });
  if (state === "ringing") return;
  media.connect(draft, true);
  if (state !== "connected") return;
  draft.call.state = "connected";
  draft.call.connectedAt = created_at;
  media.recovers(draft, "renewed");
}

/** Events come in order; one that is repeated is not heard again. */
export function event(draft: Draft, event: CallEvent): void {
  const { call } = draft;
  if (event.seq <= call.seq) return;
  call.seq = event.seq;
  switch (event.type) {
    case "call:incoming":
      call.peer = event.from;
      call.metadata = event.metadata;
      // It was listed while it was still being placed: only now can the caller be told that it rings.
      return alert(draft);
    case "call:ringing":
      call.alerting = true;
      return;
    case "call:accepted":
      return accepted(draft, call.role === "caller" ? event.by.device : undefined);
    case "call:connected":
      call.setupMs = event.setup_ms;
      return connected(draft);
    case "call:peer":
      call.peerAway = event.status === "reconnecting";
      if (event.resumed === false && call.negotiating) draft.do({ type: "renew" });
      return;
    case "call:ended":
      return draft.over(outcomeOf(event));
    case "webrtc:offer":
    case "webrtc:answer":
    case "webrtc:ice":
      if (call.negotiating) draft.do({ type: "signal", event });
      else if (call.state !== "ended") call.early = [...call.early, event];
  }
}

/** Events are missing: the gateway says how the call stands. */
export function reconcile(draft: Draft, snapshot: Snapshot, fresh: boolean): void {
  const { call } = draft;
  call.seq = snapshot.seq;
  if (call.state === "ended" || snapshot.state === "ringing") return;
  call.peerAway = false;
  if (!call.negotiating) accepted(draft, snapshot.peer.device);
  else draft.do({ type: fresh ? "renew" : "renegotiate" });
  if (snapshot.state === "connected") connected(draft);
}

export function replied(draft: Draft, to: Request["type"], ack: Ack): void {
  switch (to) {
    case "call:init":
      return ack.call === undefined ? undefined : placed(draft, ack.call, ack.role ?? "caller");
    case "call:accept":
      return accepted(draft, undefined);
    case "call:end":
    case "call:reject":
      return gone(draft);
    default:
      return;
  }
}

/** What was lost with its session is asked again, if it is still to the point; an earlier copy may have been applied. */
export function refused(draft: Draft, to: Request["type"], error: RingbackError): void {
  const { call } = draft;
  const isLost = hasCode(error, "disconnected");
  switch (to) {
    case "call:init":
      // The reply may be lost, and the call found in what the gateway says of a new session.
      if (call.id !== undefined) return;
      return call.farewell === undefined ? draft.over({ reason: "failed", error }) : gone(draft);
    case "call:ringing":
      if (call.state !== "ringing") return;
      if (isLost) alert(draft);
      else if (hasCode(error, "answered_elsewhere")) draft.over("answered_elsewhere");
      else if (hasCode(error, "no_such_call")) draft.over("connection_lost");
      return;
    case "call:accept":
      return notAccepted(draft, error);
    case "call:connected":
      if (isLost && call.state === "connecting" && call.id !== undefined) draft.ask({ type: "call:connected", call: call.id });
      return;
    case "call:end":
    case "call:reject":
      // Refused for good means that there is nothing left to end.
      return isLost ? draft.sayFarewell() : gone(draft);
    default:
      return;
  }
}

function notAccepted(draft: Draft, error: RingbackError): void {
  const { call } = draft;
  if (call.state !== "ringing" || call.id === undefined) return;
  switch (error.code) {
    case "disconnected":
      return draft.ask({ type: "call:accept", call: call.id });
    case "answered_elsewhere":
      return draft.over({ reason: "answered_elsewhere", error });
    case "invalid_state":
      // It was an earlier copy of ours that was first; or the call has ended: how is told by its event.
      return error.state === "connecting" || error.state === "connected" ? accepted(draft, undefined) : undefined;
    default:
      return draft.over({ reason: "failed", error });
  }
}

function accepted(draft: Draft, peerDevice: string | undefined): void {
  const { call } = draft;
  if (call.state !== "ringing" || call.id === undefined) return;
  if (peerDevice !== undefined) call.peer = { user: call.peer.user, device: peerDevice };
  // By an earlier page of this device, perhaps: then nobody has been asked for devices.
  if (!call.answering && call.role === "callee") draft.do({ type: "capture", media: call.media });
  media.connect(draft, call.role === "caller");
}

function connected(draft: Draft): void {
  const { call } = draft;
  if (call.state !== "connecting") return;
  call.state = "connected";
  call.connectedAt = draft.at;
}

/** The gateway knows that we have left. */
function gone(draft: Draft): void {
  if (draft.call.farewell === undefined) return;
  draft.call.farewell = undefined;
  draft.do({ type: "settled" });
}
