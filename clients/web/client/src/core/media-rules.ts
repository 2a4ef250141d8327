import type { Draft } from "./draft.ts";
import { recover, type RecoveryInput } from "./recovery.ts";

/** Descriptions and candidates can be exchanged from now on. What has come of them already follows at once. */
export function connect(draft: Draft, begins: boolean): void {
  const { call } = draft;
  call.state = "connecting";
  call.answering = false;
  call.negotiating = true;
  draft.do({ type: "connect", begins });
  for (const event of call.early) draft.do({ type: "signal", event });
  call.early = [];
}

/** The peer connection has changed its state. */
export function transport(draft: Draft, state: RTCPeerConnectionState): void {
  const { call } = draft;
  if (!call.negotiating) return;
  call.transport = state;
  switch (state) {
    case "connected":
      sayConnected(draft);
      return recovers(draft, "connected");
    case "disconnected":
    case "failed":
      return recovers(draft, state);
    case "new":
      // A new peer connection in the place of one that had media: they must come soon.
      return call.mediaFlowed || call.state === "connected" ? recovers(draft, "renewed") : undefined;
    case "connecting":
    case "closed":
      return;
  }
}

/** Said once: said again it changes nothing. */
function sayConnected(draft: Draft): void {
  const { call } = draft;
  if (call.mediaFlowed || call.id === undefined) return;
  call.mediaFlowed = true;
  draft.ask({ type: "call:connected", call: call.id });
}

export function recovers(draft: Draft, input: RecoveryInput): void {
  const { call } = draft;
  if (!call.negotiating) return;
  const next = recover(call.recovery, input, call.online);
  if (next === undefined) return;
  const [recovery, then] = next;
  call.recovery = recovery;
  switch (then.type) {
    case "recovered":
      return draft.do({ type: "stop", timer: "recovery" });
    case "give up":
      return draft.leave("ice_failed", { type: "call:end", reason: "ice_failed" });
    case "restart":
      draft.do({ type: "restart-ice" });
      return draft.do({ type: "start", timer: "recovery", ms: then.ms });
    case "wait":
      return draft.do({ type: "start", timer: "recovery", ms: then.ms });
  }
}
