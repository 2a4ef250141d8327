import type { Call, Outcome, Role } from "@ringback/client";
import { clock } from "@ringback/react";
import { Value } from "./value";
import * as words from "./words";

export interface Entry {
  /** The gateway's name for it, if it was taken. */
  id?: string;
  user: string;
  role: Role;
  video: boolean;
  at: number;
  reason: Outcome["reason"];
  text: string;
  setupMs?: number;
}

const LIMIT = 30;

/** The calls that are over, the newest first; kept for as long as the tab. */
export class CallLog {
  readonly entries: Value<readonly Entry[]>;
  readonly #key: string;

  constructor(user: string) {
    this.#key = `ringback-log-${user}`;
    this.entries = new Value(read(this.#key));
  }

  add({ id, peer, role, media }: Call, outcome: Outcome): void {
    const { reason, setupMs, durationMs } = outcome;
    const text = words.outcome(peer.user, role, outcome);
    const entry: Entry = {
      ...(id === undefined ? {} : { id }),
      user: peer.user,
      role,
      video: media.video,
      at: Date.now(),
      reason,
      text: durationMs === undefined ? text : `${text} · ${clock(durationMs)}`,
      ...(setupMs === undefined ? {} : { setupMs }),
    };
    const entries = [entry, ...this.entries.get()].slice(0, LIMIT);
    sessionStorage.setItem(this.#key, JSON.stringify(entries));
    this.entries.set(entries);
  }
}

function read(key: string): readonly Entry[] {
  try {
    const entries: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(entries) ? (entries as Entry[]) : [];
  } catch {
    return [];
  }
}
