import type { CallSnapshot } from "./call-snapshot.ts";

/** What a person can do with a call: answer it, wait for an answer, talk, or go on. */
export type CallPhase = "incoming" | "outgoing" | "connecting" | "connected" | "ended";

export function phaseOf({ state, role, answering }: Pick<CallSnapshot, "state" | "role" | "answering">): CallPhase {
  if (state !== "ringing") return state;
  if (role === "caller") return "outgoing";
  return answering ? "connecting" : "incoming";
}
