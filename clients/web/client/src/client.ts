import { Call, type CallContext } from "./call.ts";
import { Connection, type ConnectionState } from "./signaling/connection.ts";
import { EndedCalls } from "./core/ended-calls.ts";
import { Emitter } from "./emitter.ts";
import type { MediaConstraints } from "./media/local-media.ts";
import { RingbackError } from "./errors.ts";
import { deviceName } from "./device.ts";
import { browserPlatform, type PageSignal, type Platform } from "./platform.ts";
import { TabElection } from "./tabs/tab-election.ts";
import type { TabCall } from "./tabs/tab-message.ts";
import type { TokenSource } from "./signaling/token-keeper.ts";
import type { CallEvent, Media, Snapshot, Welcome } from "./protocol.ts";

export interface RingbackOptions {
  /** The gateway's socket: `wss://…/v1/ws`. */
  url: string;
  /**
   * The user's token, or what gets a fresh one: asked before every connection, ahead of the token's end, and when the gateway
   * has refused one. What it throws is tried again.
   */
  token: string | TokenSource;
  /** Names this installation, 1–64 of `A-Za-z0-9._-`; absent: one is made up, and kept in the browser. */
  device?: string;
  /**
   * Who the user is. With it, the tabs of this user and device share one connection: one of them is online, rings, and has
   * the calls. Without it, tabs that are online at once need a `device` each: of two with one name, the newer replaces the older.
   */
  user?: string;
  client?: { name: string; version: string };
  /** Beside the `iceServers`, which the gateway names. */
  configuration?: RTCConfiguration;
  /** What is asked of microphone and camera beside that they are there. */
  constraints?: MediaConstraints;
  /** What is not to be the browser's own. */
  platform?: Partial<Platform>;
}

export interface RingbackEvents {
  state: ConnectionState;
  /** A session has begun or goes on. */
  welcome: Welcome;
  /** Every call, whoever calls; also one that goes on from before the page was loaded anew. */
  call: Call;
  /** A call that rings here. */
  incoming: Call;
  /** What goes on in the tab that is online in the place of this one; see `takeOver`. */
  elsewhere: readonly TabCall[];
  /** The connection is over for good, and every call with it. */
  closed: { code: number; reason: string };
}

/** A user's device: who is called here, and calls. */
export class RingbackClient extends Emitter<RingbackEvents> {
  readonly #platform: Platform;
  readonly #connection: Connection;
  #stopListening: (() => void) | undefined;
  readonly #context: CallContext;
  /** By their ids, those that the gateway may still speak of. */
  readonly #calls = new Map<string, Call>();
  /** Those whose `call:init` has no reply yet. */
  readonly #placing = new Set<Call>();
  /** Events that may belong to one of those. */
  #early: CallEvent[] = [];
  readonly #ended = new EndedCalls();
  #welcome: Welcome | undefined;
  readonly #tabs: TabElection | undefined;
  #elsewhere: readonly TabCall[] = [];

  constructor(options: RingbackOptions) {
    super();
    const platform = { ...browserPlatform(), ...options.platform };
    const device = options.device ?? deviceName(platform);
    this.#platform = platform;
    this.#tabs = options.user === undefined ? undefined : this.#election(`${options.user} ${device}`);
    this.#connection = new Connection(
      {
        url: options.url,
        token: options.token,
        device,
        client: options.client ?? { name: "ringback-js", version: "0.1.0" },
        seen: () => this.#seen(),
        isUrgent: () => this.calls.length > 0,
      },
      platform,
    );
    this.#context = {
      platform,
      ask: (request) => this.#connection.request(request),
      configuration: () => ({ ...options.configuration, iceServers: this.#welcome?.ice_servers ?? [] }),
      constraints: options.constraints ?? {},
      me: () => this.#welcome && { user: this.#welcome.user, device: this.#welcome.device },
      named: (call, id) => this.#named(call, id),
      settled: (call) => this.#forget(call),
    };
    this.#connection.on("state", (state) => this.#changed(state));
    this.#connection.on("welcome", (welcome) => this.#welcomed(welcome));
    this.#connection.on("event", (event) => this.#take(event));
    this.#connection.on("reachable", () => this.#reachable());
    this.#connection.on("closed", (closed) => this.#closed(closed));
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The user, as the gateway reads the token. */
  get user(): string | undefined {
    return this.#welcome?.user;
  }

  /** Those that have not ended. */
  get calls(): Call[] {
    return [...this.#placing, ...this.#calls.values()].filter((call) => call.state !== "ended");
  }

  /** Connects, and stays connected until `close`, or until the gateway wants no more of it (`closed`); then it may be opened anew. */
  open(): void {
    this.#stopListening ??= this.#platform.pageSignals((signal) => this.#signal(signal));
    if (this.#tabs === undefined) this.#connection.open();
    else if (!this.#tabs.isOwner) this.#joinTabs();
  }

  /** The calls in the tab that is online in the place of this one. */
  get elsewhere(): readonly TabCall[] {
    return this.#elsewhere;
  }

  /**
   * Brings this tab online in the place of another one; what rings there rings here then. Resolves to whether that was
   * possible: a tab that is in a call stays. To call somebody does it by itself.
   */
  takeOver(): Promise<boolean> {
    return this.#tabs?.takeOver() ?? Promise.resolve(true);
  }

  /** Tries at once, or asks the gateway whether it is there. It does so by itself when the browser has news of the network. */
  probe(): void {
    this.#connection.probe();
  }

  /** Hangs up, and goes. A call that only rings goes on ringing elsewhere. */
  close(): void {
    for (const call of this.calls) {
      if (call.role === "caller" || call.state !== "ringing") void call.end();
    }
    this.#tabs?.leave();
    this.#connection.close();
  }

  /** Calls a user. What is wrong with it is told as the call's end, `failed`. */
  call(to: string, media: Media, metadata?: unknown): Call {
    // Who calls somebody who is just calling answers.
    const theirs = this.calls.find((call) => call.role === "callee" && call.state === "ringing" && call.peer.user === to);
    if (theirs !== undefined) {
      theirs.accept(media).catch(() => undefined);
      return theirs;
    }
    const call = new Call(this.#context, { role: "caller", peer: { user: to }, media, metadata, online: this.#isOnline });
    this.#placing.add(call);
    this.#watch(call);
    call.take({ type: "place" });
    if (this.state === "standby") void this.#takeOverFor(call);
    this.emit("call", call);
    return call;
  }

  async #takeOverFor(call: Call): Promise<void> {
    if (await this.takeOver()) return;
    const error = new RingbackError("other_tab", "another tab of this device is in a call");
    call.take({ type: "refusal", to: "call:init", error });
  }

  #election(name: string): TabElection {
    return new TabElection({
      platform: this.#platform,
      name,
      won: () => this.#connection.open(),
      lost: () => this.#standBy(),
      mayYield: () => this.calls.every((call) => call.isUnanswered),
      calls: () => this.calls.map(({ role, peer, media, state }) => ({ role, peer, media, state })),
      elsewhere: (calls) => {
        this.#elsewhere = calls;
        this.emit("elsewhere", calls);
      },
    });
  }

  #joinTabs(): void {
    this.#connection.standBy();
    this.#tabs?.join();
  }

  #standBy(): void {
    for (const call of this.calls) call.take({ type: "vanished", reason: "other_tab" });
    this.#connection.standBy();
  }

  #signal(signal: PageSignal): void {
    this.#connection.signal(signal);
    // A page that holds a lock is not stored away at all.
    if (signal === "stored") this.#tabs?.leave();
    else if (signal === "restored" && this.#tabs?.isOwner === false) this.#joinTabs();
  }

  /** The other tabs show what goes on here. */
  #watch(call: Call): void {
    call.on("state", () => this.#tabs?.announce());
    this.#tabs?.announce();
  }

  get #isOnline(): boolean {
    return this.#connection.state === "online";
  }

  #changed(state: ConnectionState): void {
    // Back it is only once the gateway has said what has become of the calls.
    if (state !== "online") for (const call of this.calls) call.take({ type: "offline" });
    this.emit("state", state);
  }

  #named(call: Call, id: string): void {
    this.#placing.delete(call);
    this.#calls.set(id, call);
    this.#takeEarly();
  }

  #take(event: CallEvent): void {
    const call = this.#calls.get(event.call);
    if (call !== undefined) {
      call.take({ type: "event", event });
    } else if (this.#mayCross(event)) {
      this.#early.push(event);
    } else if (!this.#ended.heard(event.call, event.seq) && event.type === "call:incoming") {
      const { from, media, metadata, seq } = event;
      this.#ring(new Call(this.#context, { id: event.call, role: "callee", peer: from, media, metadata, seq }), event.call);
    }
  }

  /** Whether it may be of a call that crosses one of ours: then it is no call of its own, as the reply to ours will tell. */
  #mayCross(event: CallEvent): boolean {
    if (event.type !== "call:incoming") return this.#early.some(({ call }) => call === event.call);
    return [...this.#placing].some(({ peer }) => peer.user === event.from.user);
  }

  #takeEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (const event of early) this.#take(event);
  }

  #ring(call: Call, id: string): void {
    this.#calls.set(id, call);
    this.#watch(call);
    call.take({ type: "ring" });
    this.emit("call", call);
    this.emit("incoming", call);
  }

  #welcomed(welcome: Welcome): void {
    const fresh = welcome.session !== this.#welcome?.session;
    this.#welcome = welcome;
    this.#reachable();
    if (!welcome.resumed) this.#reconcile(welcome.calls, fresh);
    this.emit("welcome", welcome);
  }

  /** Events are missing, so what the gateway lists is the truth to start from. */
  #reconcile(snapshots: Snapshot[], fresh: boolean): void {
    const listed = new Set(snapshots.map((snapshot) => snapshot.call));
    for (const [id, call] of [...this.#calls]) if (!listed.has(id)) call.take({ type: "vanished", reason: "connection_lost" });
    for (const snapshot of snapshots) {
      const { call: id, role, peer, media, seq, state } = snapshot;
      const unacknowledged = this.#unacknowledged(snapshot);
      unacknowledged?.take({ type: "found", id, role });
      const known = this.#calls.get(id);
      if (known !== undefined) {
        known.take({ type: "snapshot", snapshot, fresh });
        continue;
      }
      const call = new Call(this.#context, { id, role, peer, media, seq });
      if (role === "callee" && state === "ringing") this.#ring(call, id);
      else this.#rejoin(call, snapshot);
    }
  }

  /** A call from before this page was loaded. */
  #rejoin(call: Call, snapshot: Snapshot): void {
    this.#calls.set(snapshot.call, call);
    this.#watch(call);
    call.take({ type: "rejoin", snapshot });
    this.emit("call", call);
  }

  /** A call of ours that was placed although we were not told. */
  #unacknowledged({ call: id, role, peer, state }: Snapshot): Call | undefined {
    if (this.#calls.has(id) || (role === "callee" && state === "ringing")) return undefined;
    return [...this.#placing].find((call) => call.peer.user === peer.user);
  }

  /** Once it has ended the gateway may speak of it again: it does not know that we know. */
  #forget(call: Call): void {
    const { id } = call;
    if (this.#placing.delete(call)) this.#takeEarly();
    if (id === undefined || !this.#calls.delete(id)) return;
    this.#ended.add(id, call.seq, this.#platform.timers.now());
  }

  /** Of each call the last event that has arrived; 0 where nothing has. */
  #seen(): Record<string, number> {
    const live = [...this.#calls].map(([id, call]) => [id, call.seq]);
    return { ...this.#ended.seen(this.#platform.timers.now()), ...Object.fromEntries(live) };
  }

  #reachable(): void {
    for (const call of this.calls) call.take({ type: "online" });
  }

  #closed(closed: { code: number; reason: string }): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#tabs?.leave();
    for (const call of this.calls) call.take({ type: "vanished", reason: "connection_lost" });
    this.emit("closed", closed);
  }
}
