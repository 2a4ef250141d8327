import type { Call } from "./call.ts";
import type { CallOptions } from "./core/call-model.ts";
import { EndedCalls } from "./core/ended-calls.ts";
import type { CallEvent, Snapshot } from "./protocol.ts";
import type { Seen } from "./signaling/seen-ledger.ts";

export interface CallDirectoryOptions {
  create: (options: CallOptions) => Call;
  /** There is a new one, which `rings` here. */
  added: (call: Call, rings: boolean) => void;
  now: () => number;
}

/** The calls of a device: which events are whose, and what to make of the gateway's list after a gap. */
export class CallDirectory {
  readonly #options: CallDirectoryOptions;
  /** By their ids, those that the gateway may still speak of. */
  readonly #calls = new Map<string, Call>();
  /** Those whose `call:init` has no reply yet. */
  readonly #placing = new Set<Call>();
  /** Events that may belong to one of those. */
  #early: CallEvent[] = [];
  /** Calls that ring by the gateway's list, and may be one of those. */
  #listed: { snapshot: Snapshot; fresh: boolean }[] = [];
  readonly #ended = new EndedCalls();

  constructor(options: CallDirectoryOptions) {
    this.#options = options;
  }

  /** Those that have not ended. */
  get live(): Call[] {
    return [...this.#placing, ...this.#calls.values()].filter((call) => call.state !== "ended");
  }

  /** Of each call the last event that has arrived; 0 where nothing has. */
  get seen(): Seen {
    const live = [...this.#calls].map(([id, call]) => [id, call.seq]);
    return { ...this.#ended.seen(this.#options.now()), ...Object.fromEntries(live) };
  }

  place(call: Call): void {
    this.#placing.add(call);
  }

  named(call: Call, id: string): void {
    this.#placing.delete(call);
    this.#calls.set(id, call);
    this.#takeHeld();
  }

  /** It has ended, and there is nothing more to be said about it. The gateway may speak of it again: it does not know that we know. */
  forget(call: Call): void {
    const { id } = call;
    if (this.#placing.delete(call)) this.#takeHeld();
    if (id !== undefined && this.#calls.delete(id)) this.#ended.add(id, call.seq, this.#options.now());
  }

  take(event: CallEvent): void {
    const call = this.#calls.get(event.call);
    if (call !== undefined) {
      call.take({ type: "event", event });
    } else if (this.#mayBeOurs(event)) {
      this.#early.push(event);
    } else if (!this.#ended.heard(event.call, event.seq) && event.type === "call:incoming") {
      const { from, media, metadata, seq } = event;
      this.#ring({ id: event.call, role: "callee", peer: from, media, metadata, seq });
    }
  }

  /** Events are missing, so what the gateway lists is the truth to start from. */
  reconcile(snapshots: Snapshot[], fresh: boolean): void {
    this.#early = [];
    this.#listed = [];
    const listed = new Set(snapshots.map(({ call }) => call));
    for (const [id, call] of [...this.#calls]) if (!listed.has(id)) this.#vanished(id, call);
    for (const snapshot of snapshots) this.#adopt(snapshot, fresh);
  }

  /** The gateway does not know it any more, so it must not be named: what it does not know breaks continuity. */
  #vanished(id: string, call: Call): void {
    this.#calls.delete(id);
    call.take({ type: "vanished", reason: "connection_lost" });
  }

  #adopt(snapshot: Snapshot, fresh: boolean): void {
    const { call: id, role, peer, media, seq, state } = snapshot;
    this.#unacknowledged(snapshot)?.take({ type: "found", id, role });
    const known = this.#calls.get(id);
    if (known !== undefined) return known.take({ type: "snapshot", snapshot, fresh });
    if (role === "callee" && state === "ringing") {
      if (this.#isCalling(peer.user)) this.#listed.push({ snapshot, fresh });
      else this.#ring({ id, role, peer, media, seq });
      return;
    }
    // It is from before this page was loaded.
    const call = this.#options.create({ id, role, peer, media, seq });
    this.#calls.set(id, call);
    call.take({ type: "rejoin", snapshot });
    this.#options.added(call, false);
  }

  #ring(options: CallOptions & { id: string }): void {
    const call = this.#options.create(options);
    this.#calls.set(options.id, call);
    call.take({ type: "ring" });
    this.#options.added(call, true);
  }

  /** A call of ours that was placed although we were not told. */
  #unacknowledged({ call: id, role, peer, state }: Snapshot): Call | undefined {
    if (this.#calls.has(id) || (role === "callee" && state === "ringing")) return undefined;
    return [...this.#placing].find((call) => call.peer.user === peer.user);
  }

  /**
   * Whether it may be of a call that we are placing, whose reply can come after its first events. A ring may be that of a
   * call that crosses ours: then it is no call of its own, as the reply will tell.
   */
  #mayBeOurs(event: CallEvent): boolean {
    return event.type === "call:incoming" ? this.#isCalling(event.from.user) : this.#placing.size > 0;
  }

  #isCalling(user: string): boolean {
    return [...this.#placing].some(({ peer }) => peer.user === user);
  }

  /** Looks again at what was held back: one more reply has come. */
  #takeHeld(): void {
    const [listed, early] = [this.#listed, this.#early];
    [this.#listed, this.#early] = [[], []];
    for (const { snapshot, fresh } of listed) this.#adopt(snapshot, fresh);
    for (const event of early) this.take(event);
  }
}
