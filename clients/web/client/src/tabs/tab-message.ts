import type { CallState, Peer } from "../core/call-model.ts";
import type { Media, Role } from "../protocol.ts";

/** A call in another tab of this device. */
export interface TabCall {
  role: Role;
  peer: Peer;
  media: Media;
  state: CallState;
}

export type TabMessage =
  /** Who has it, and what goes on there? */
  | { type: "who" }
  | { type: "calls"; calls: TabCall[] }
  /** May I have it? */
  | { type: "ask"; from: string }
  | { type: "yes" | "no"; to: string };
