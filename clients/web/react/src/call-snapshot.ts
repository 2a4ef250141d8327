import type { Call, CallEvents, CallState, LinkState, Media, Outcome, Peer, Role } from "@ringback/client";
import { same } from "./same.ts";

/** A call as it is at one moment. Two that are equal are the same object. */
export interface CallSnapshot {
  readonly id: string | undefined;
  readonly role: Role;
  readonly peer: Peer;
  readonly media: Media;
  readonly state: CallState;
  readonly alerting: boolean;
  readonly answering: boolean;
  readonly link: LinkState;
  readonly connectedAt: number | undefined;
  readonly outcome: Outcome | undefined;
  readonly localStream: MediaStream | undefined;
  readonly remoteStream: MediaStream | undefined;
  readonly muted: boolean;
  readonly cameraOn: boolean;
  readonly screenOn: boolean;
  /** A picture of the peer, or of their screen, comes in. */
  readonly seesPeer: boolean;
}

const EVENTS = ["state", "alerting", "answering", "link", "tracks", "ended"] as const satisfies (keyof CallEvents)[];
const last = new WeakMap<Call, CallSnapshot>();

export function snapshotOf(call: Call): CallSnapshot {
  const now = read(call);
  const before = last.get(call);
  if (before !== undefined && same(before, now)) return before;
  last.set(call, now);
  return now;
}

/** Listens to everything that a snapshot depends on. */
export function watchCall(call: Call, changed: () => void): () => void {
  const ends = EVENTS.map((name) => call.on(name, changed));
  return () => ends.forEach((end) => end());
}

function read(call: Call): CallSnapshot {
  const { id, role, peer, media, state, alerting, answering, link, connectedAt, outcome } = call;
  const { localStream, remoteStream, muted, cameraOn, screenOn } = call;
  const seesPeer = remoteStream?.getVideoTracks().some((track) => !track.muted && track.readyState === "live") ?? false;
  return {
    ...{ id, role, peer, media, state, alerting, answering, link, connectedAt, outcome },
    ...{ localStream, remoteStream, muted, cameraOn, screenOn, seesPeer },
  };
}
