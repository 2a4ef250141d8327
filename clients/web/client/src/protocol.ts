/** The frames of the Ringback protocol, version 1, as they stand on the wire in JSON. */

export const SUBPROTOCOL = "ringback.v1.json";
export const PATH = "/v1/ws";

export interface Media {
  audio: boolean;
  video: boolean;
}

export interface Endpoint {
  user: string;
  device: string;
}

export type Role = "caller" | "callee";

export type EndReason =
  | "hangup"
  | "cancelled"
  | "rejected"
  | "busy"
  | "no_answer"
  | "answered_elsewhere"
  | "offline"
  | "denied"
  | "setup_timeout"
  | "ice_failed"
  | "media_denied"
  | "connection_lost"
  | "ended_by_server";

export type ErrorCode =
  | "unauthorized"
  | "bad_request"
  | "too_large"
  | "rate_limited"
  | "no_such_call"
  | "invalid_state"
  | "glare"
  | "answered_elsewhere"
  | "buffer_full"
  | "unavailable"
  | "draining";

export interface Snapshot {
  call: string;
  state: "ringing" | "connecting" | "connected";
  role: Role;
  peer: { user: string; device?: string };
  media: Media;
  created_at: number;
  seq: number;
}

export type Candidate = RTCIceCandidateInit | null;

/** What a client asks for. The connection adds `id`. */
export type Request =
  | { type: "call:init"; to: string; media?: Media; metadata?: unknown }
  | { type: "call:ringing"; call: string }
  | { type: "call:accept"; call: string }
  | { type: "call:reject"; call: string; reason?: "rejected" | "busy" }
  | { type: "call:end"; call: string; reason?: "hangup" | "cancelled" | "ice_failed" | "media_denied" }
  | { type: "call:connected"; call: string }
  | { type: "call:report"; call: string; stats: unknown }
  | { type: "webrtc:offer"; call: string; sdp: string }
  | { type: "webrtc:answer"; call: string; sdp: string; offer?: number }
  | { type: "webrtc:ice"; call: string; candidates: Candidate[] }
  | { type: "token"; token: string }
  | { type: "ping" };

export interface HelloFrame {
  type: "hello";
  id: number;
  token: string;
  device: string;
  session?: string;
  seen?: Record<string, number>;
  /** Asks to be told of missed calls, but for those up to this. */
  missed?: number;
  client: { name: string; version: string };
}

/** Tells what has arrived; it has no reply. */
export interface SeenFrame {
  type: "seen";
  calls: Record<string, number>;
  /** What was told of missed calls, up to this. */
  missed?: number;
}

/** The reply to any request but `hello`; which fields there are depends on the request. */
export interface Ack {
  type: "ack";
  id: number;
  at?: number;
  call?: string;
  role?: Role;
  glare?: boolean;
  already?: string;
  token_expires_at?: number;
  /** With a fresh token: the servers anew, for their credentials expire too. */
  ice_servers?: RTCIceServer[];
}

export interface Welcome {
  type: "ack";
  id: number;
  session: string;
  resumed: boolean;
  user: string;
  device: string;
  node: string;
  heartbeat_ms: number;
  token_expires_at?: number;
  ice_servers: RTCIceServer[];
  calls: Snapshot[];
}

export interface ErrorFrame {
  type: "error";
  id?: number;
  code: ErrorCode;
  message: string;
  retry_after_ms?: number;
  state?: string;
}

export interface GoAway {
  type: "goaway";
  reconnect_after_ms: number;
  reason?: string;
}

/** Calls that the user missed while this device was away. */
export interface MissedFrame {
  type: "missed";
  calls: { call: string; from: Endpoint; media: Media; at: number; ended_at: number; reason: EndReason }[];
  until: number;
  more: boolean;
}

/** A call in the user's log, which is asked for by HTTP. */
export interface LoggedFrame {
  call: string;
  role: Role;
  peer: { user: string; device?: string };
  media: Media;
  at: number;
  ended_at: number;
  reason: EndReason;
  by?: Endpoint;
  answered: boolean;
  answered_by?: string;
  missed: boolean;
  setup_ms?: number;
  duration_ms?: number;
  detail?: string;
}

interface Stamped {
  call: string;
  seq: number;
  at: number;
}

export type CallEvent = Stamped &
  (
    | { type: "call:incoming"; from: Endpoint; media: Media; metadata?: unknown }
    | { type: "call:ringing" }
    | { type: "call:accepted"; by: Endpoint }
    | { type: "call:connected"; setup_ms: number }
    | { type: "call:peer"; status: "reconnecting" | "back"; resumed?: boolean }
    | { type: "call:ended"; reason: EndReason; by?: Endpoint; duration_ms?: number; setup_ms?: number; detail?: string }
    | { type: "webrtc:offer"; sdp: string }
    | { type: "webrtc:answer"; sdp: string }
    | { type: "webrtc:ice"; candidates: Candidate[] }
  );

export type ServerFrame = Ack | Welcome | ErrorFrame | GoAway | MissedFrame | CallEvent;

export const CloseCode = {
  /** There was no connection to be closed. */
  None: 0,
  Normal: 1000,
  BadToken: 4501,
  Replaced: 4503,
} as const;

/** Reads a frame; what is none of the protocol's is `undefined`, and ignored. */
export function parseFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    if (typeof frame !== "object" || frame === null || !("type" in frame)) return undefined;
    return typeof frame.type === "string" ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}

export function isCallEvent(frame: ServerFrame): frame is CallEvent {
  return frame.type.startsWith("call:") || frame.type.startsWith("webrtc:");
}
