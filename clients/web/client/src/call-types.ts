import type { Call } from "./call.ts";
import type { Ask } from "./signaling/insist.ts";
import type { Outcome } from "./core/outcome.ts";
import type { Platform } from "./platform.ts";
import type { Endpoint, Media, Role } from "./signaling/protocol.ts";

export type CallState = "ringing" | "connecting" | "connected" | "ended";

/** How a connected call fares: `reconnecting` are the media, `peer_reconnecting` is the peer's way to the gateway. */
export type LinkState = "fine" | "reconnecting" | "peer_reconnecting";

export interface CallEvents {
  state: CallState;
  /** The caller learns that a device of the callee rings. */
  alerting: true;
  link: LinkState;
  /** One of the streams, or what is in it, has changed. */
  tracks: true;
  ended: Outcome;
}

/** What a call needs of its client. */
export interface CallContext {
  platform: Platform;
  ask: Ask;
  configuration: () => RTCConfiguration;
  me: () => Endpoint | undefined;
  /** There is nothing more to be said about this call, to nobody. */
  settled: (call: Call) => void;
}

export interface CallOptions {
  id?: string;
  role: Role;
  peer: { user: string; device?: string };
  media: Media;
  metadata?: unknown;
  /** The last event that it stands for. */
  seq?: number;
}
