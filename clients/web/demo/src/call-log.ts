import type { Call, LoggedCall, MissedCall, Outcome, Role, RingbackClient } from "@ringback/client";
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
  /** It is for this user to call back. */
  missed?: boolean;
}

const LIMIT = 100;
const PAGE = 20;

/** The calls that are over, the newest first: those of this tab, kept for as long as it, and others that the gateway tells of. */
export class CallLog {
  readonly entries: Value<readonly Entry[]>;
  readonly #key: string;
  /** Where the gateway goes on. */
  #next: string | undefined;

  constructor(user: string) {
    this.#key = `ringback-log-${user}`;
    this.entries = new Value(read(this.#key));
  }

  add({ id, peer, role, media }: Call, outcome: Outcome): void {
    this.#merge([entry({ id, user: peer.user, role, video: media.video, at: Date.now() }, outcome)]);
  }

  /** Told of them at sign-in. */
  addMissed(calls: readonly MissedCall[]): void {
    this.#merge(calls.map(missed));
  }

  /** Asks the gateway for older ones, which this tab may know nothing of; whether there are more still. */
  async earlier(client: RingbackClient): Promise<boolean> {
    const { calls, next } = await client.callLog({ limit: PAGE, ...(this.#next !== undefined && { before: this.#next }) });
    this.#next = next;
    this.#merge(calls.map(logged));
    return next !== undefined && this.entries.get().length < LIMIT;
  }

  /** What is here already says more of a call, such as that it was answered on another device. */
  #merge(others: readonly Entry[]): void {
    const here = this.entries.get();
    const known = new Set(here.map(({ id }) => id));
    const news = others.filter(({ id }) => id === undefined || !known.has(id));
    const entries = [...news, ...here].sort((a, b) => b.at - a.at).slice(0, LIMIT);
    sessionStorage.setItem(this.#key, JSON.stringify(entries));
    this.entries.set(entries);
  }
}

type Facts = Omit<Entry, "id" | "reason" | "text" | "setupMs" | "missed"> & { id: string | undefined };

function entry({ id, ...facts }: Facts, outcome: Outcome): Entry {
  const { reason, setupMs, durationMs } = outcome;
  const text = words.outcome(facts.user, facts.role, outcome);
  return {
    ...(id === undefined ? {} : { id }),
    ...facts,
    reason,
    text: durationMs === undefined ? text : `${text} · ${clock(durationMs)}`,
    ...(setupMs === undefined ? {} : { setupMs }),
  };
}

function missed({ id, peer, media, endedAt, reason }: Pick<LoggedCall, "id" | "peer" | "media" | "endedAt" | "reason">): Entry {
  return { id, user: peer.user, role: "callee", video: media.video, at: endedAt, reason, text: words.MISSED, missed: true };
}

function logged(call: LoggedCall): Entry {
  const { id, role, peer, media, endedAt } = call;
  if (call.missed) return missed(call);
  return entry({ id, user: peer.user, role, video: media.video, at: endedAt }, call);
}

function read(key: string): readonly Entry[] {
  try {
    const entries: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(entries) ? (entries as Entry[]) : [];
  } catch {
    return [];
  }
}
