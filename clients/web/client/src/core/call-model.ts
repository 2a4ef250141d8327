import type { Ack, CallEvent, EndReason, Endpoint, Media, Request, Role, Snapshot } from "../protocol.ts";
import type { RingbackError } from "../errors.ts";
import type { Outcome } from "./outcome.ts";
import { IDLE, type Recovery } from "./recovery.ts";

export type CallState = "ringing" | "connecting" | "connected" | "ended";

/** How a call fares: `reconnecting` are the media, `peer_reconnecting` is the peer's way to the gateway. */
export type LinkState = "fine" | "reconnecting" | "peer_reconnecting";

/** The other user; the device once one is bound to the call. */
export interface Peer {
  user: string;
  device?: string;
}

/** Offers, answers and candidates: for the peer connection, not for the rules of the call. */
export type NegotiationEvent = Extract<CallEvent, { type: `webrtc:${string}` }>;

/** How this side says that it wants no more of the call; its id is added once there is one. */
export type Farewell =
  | { type: "call:end"; reason?: "ice_failed" | "media_denied" }
  | { type: "call:reject"; reason?: "busy" };

/** Everything that is known of a call. It is changed by `step` alone, and never in place. */
export interface CallModel {
  /** Absent until the gateway has taken the call. */
  readonly id: string | undefined;
  readonly role: Role;
  readonly peer: Peer;
  readonly media: Media;
  readonly metadata: unknown;
  /** The number of the last event that has arrived. */
  readonly seq: number;
  readonly state: CallState;
  /** A device of the callee has said that it rings (SIP 180). */
  readonly alerting: boolean;
  /** This side has answered, and waits for the gateway to say who was first. */
  readonly answering: boolean;
  /** There is a peer connection, or one is being made. */
  readonly negotiating: boolean;
  /** What came for the peer connection ahead of it. */
  readonly early: readonly NegotiationEvent[];
  readonly transport: RTCPeerConnectionState;
  /** The media have been connected once. */
  readonly mediaFlowed: boolean;
  readonly recovery: Recovery;
  /** The gateway can be reached. */
  readonly online: boolean;
  /** The peer has no way to the gateway at the moment. */
  readonly peerAway: boolean;
  readonly connectedAt: number | undefined;
  readonly setupMs: number | undefined;
  readonly outcome: Outcome | undefined;
  /** What the gateway has to hear still, although the call is over here. */
  readonly farewell: Farewell | undefined;
}

export type TimerName = "placing" | "unreachable" | "recovery";

export type CallInput =
  /** A call of ours begins. */
  | { type: "place" }
  /** A call of theirs begins. */
  | { type: "ring" }
  /** It is from before this page was loaded, and goes on with media of its own. */
  | { type: "rejoin"; snapshot: Snapshot }
  // The person
  | { type: "accept"; media: Media }
  | { type: "reject"; reason: "rejected" | "busy" }
  | { type: "end" }
  // The gateway
  | { type: "reply"; to: Request["type"]; ack: Ack }
  | { type: "refusal"; to: Request["type"]; error: RingbackError }
  | { type: "event"; event: CallEvent }
  /** It was placed although the reply got lost: the gateway's list has it. */
  | { type: "found"; id: string; role: Role }
  /** Events are missing, and this is how the call stands. In a `fresh` session we are new to the peer too. */
  | { type: "snapshot"; snapshot: Snapshot; fresh: boolean }
  /** The gateway does not know the call any more, or can't be asked any more; or another tab has it. */
  | { type: "vanished"; reason: EndReason | "other_tab" }
  | { type: "online" }
  | { type: "offline" }
  // The media
  | { type: "transport"; state: RTCPeerConnectionState }
  | { type: "failed"; reason: "ice_failed" | "media_denied"; error?: RingbackError }
  | { type: "timer"; name: TimerName };

/** What is to be done, in order. */
export type CallEffect =
  /** The reply comes back as an input. */
  | { type: "ask"; request: Request }
  /** The call is over here: if its `call:init` has not gone out yet, it need not. */
  | { type: "withdraw" }
  /** Events with this id are this call's from now on. */
  | { type: "named"; id: string }
  /** Asks the person for microphone and camera; once, however often it is said. */
  | { type: "capture"; media: Media }
  | { type: "connect"; begins: boolean }
  | { type: "signal"; event: NegotiationEvent }
  | { type: "restart-ice" }
  /** The peer's peer connection is gone: ours is of no use any more. */
  | { type: "renew" }
  /** What was said for the peer connection may be lost. */
  | { type: "renegotiate" }
  | { type: "start"; timer: TimerName; ms: number }
  | { type: "stop"; timer: TimerName }
  /** Lets go of the peer connection, the devices and all timers. */
  | { type: "release" }
  | { type: "tell"; news: "state" | "alerting" | "link" | "ended" }
  /** There is nothing more to be said about this call, to nobody. */
  | { type: "settled" };

/** What a step has to know beside the call: the time, and who we are, once the gateway has said. */
export interface Circumstances {
  at: number;
  me: Endpoint | undefined;
}

export interface CallOptions {
  id?: string;
  role: Role;
  peer: Peer;
  media: Media;
  metadata?: unknown;
  /** The last event that it stands for. */
  seq?: number;
  online?: boolean;
}

export function newCall({ id, role, peer, media, metadata, seq = 0, online = true }: CallOptions): CallModel {
  return {
    id,
    role,
    peer,
    media,
    metadata,
    seq,
    state: "ringing",
    alerting: false,
    answering: false,
    negotiating: false,
    early: [],
    transport: "new",
    mediaFlowed: false,
    recovery: IDLE,
    online,
    peerAway: false,
    connectedAt: undefined,
    setupMs: undefined,
    outcome: undefined,
    farewell: undefined,
  };
}

export function linkOf({ mediaFlowed, state, transport, peerAway }: CallModel): LinkState {
  const expected = mediaFlowed || state === "connected";
  if (expected && transport !== "connected") return "reconnecting";
  return peerAway ? "peer_reconnecting" : "fine";
}

/** Whether the person can answer it here. */
export function canAccept({ role, state, answering }: CallModel): boolean {
  return role === "callee" && state === "ringing" && !answering;
}
