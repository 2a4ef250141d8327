import { CallDirectory } from "./call-directory.ts";
import { fetchLog, missedCalls, type CallLogOptions, type CallLogPage, type MissedCalls } from "./call-log.ts";
import { Call, type CallContext } from "./call.ts";
import { deviceName } from "./device.ts";
import { Emitter } from "./emitter.ts";
import type { MediaConstraints } from "./media/local-media.ts";
import { browserPlatform, type PageSignal, type Platform } from "./platform.ts";
import type { Media, MissedFrame, Welcome } from "./protocol.ts";
import { Connection, type ConnectionState } from "./signaling/connection.ts";
import type { TokenSource } from "./signaling/token-keeper.ts";
import { TabElection } from "./tabs/tab-election.ts";
import type { TabCall } from "./tabs/tab-message.ts";

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
  /** Of each peer connection; the gateway's `iceServers` are added to these. */
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
  /**
   * Calls that were missed, of which this page has shown nothing. Confirmed to the gateway once the listeners have run. It is
   * asked for only where somebody listens when the connection is made.
   */
  missed: MissedCalls;
  /** What goes on in the tab that is online in the place of this one; see `takeOver`. */
  elsewhere: readonly TabCall[];
  /** The connection is over for good, and every call with it. */
  closed: { code: number; reason: string };
}

/** Calls that were shown here and are remembered: more than are told at once. */
const SHOWN = 100;

/** A user's device: who is called here, and calls. */
export class RingbackClient extends Emitter<RingbackEvents> {
  readonly #platform: Platform;
  readonly #connection: Connection;
  #stopListening: (() => void) | undefined;
  readonly #context: CallContext;
  readonly #directory: CallDirectory;
  #welcome: Welcome | undefined;
  #servers: readonly RTCIceServer[] = [];
  readonly #tabs: TabElection | undefined;
  #elsewhere: readonly TabCall[] = [];
  readonly #url: string;
  /** Calls that were shown here, the last of them. */
  readonly #shown = new Set<string>();

  constructor(options: RingbackOptions) {
    super();
    const platform = { ...browserPlatform(), ...options.platform };
    const device = options.device ?? deviceName(platform);
    this.#platform = platform;
    this.#url = options.url;
    this.#tabs = options.user === undefined ? undefined : this.#election(`${options.user} ${device}`);
    this.#connection = new Connection(
      {
        url: options.url,
        token: options.token,
        device,
        client: options.client ?? { name: "ringback-js", version: "0.1.0" },
        seen: () => this.#directory.seen,
        wantsMissed: () => this.hasListener("missed"),
        isUrgent: () => this.calls.length > 0,
      },
      platform,
    );
    this.#context = {
      platform,
      ask: (request, signal) => this.#connection.request(request, signal),
      configuration: () => ({
        ...options.configuration,
        iceServers: [...(options.configuration?.iceServers ?? []), ...this.#servers],
      }),
      constraints: options.constraints ?? {},
      me: () => this.#welcome && { user: this.#welcome.user, device: this.#welcome.device },
      named: (call, id) => this.#directory.named(call, id),
      settled: (call) => this.#directory.forget(call),
    };
    this.#directory = new CallDirectory({
      create: (call) => new Call(this.#context, call),
      added: (call, rings) => this.#added(call, rings),
      now: () => platform.timers.now(),
    });
    this.#connection.on("state", (state) => this.#changed(state));
    this.#connection.on("servers", (servers) => (this.#servers = servers));
    this.#connection.on("welcome", (welcome) => this.#welcomed(welcome));
    this.#connection.on("event", (event) => this.#directory.take(event));
    this.#connection.on("missed", (missed) => this.#missed(missed));
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
    return this.#directory.live;
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
    this.#directory.place(call);
    call.take({ type: "place" });
    if (this.state === "standby") void this.#takeOverOrGiveUp();
    this.#added(call, false);
    return call;
  }

  /**
   * The user's calls that are over, the newest first, page by page: whichever device they were on. The newest of them may be
   * a moment behind. Rejects with `unavailable` when the gateway can't be asked.
   */
  async callLog(options: CallLogOptions = {}): Promise<CallLogPage> {
    return fetchLog(this.#platform, this.#url, await this.#connection.token(), options);
  }

  /** What was asked for in this tab goes out when it is online, or not at all. */
  async #takeOverOrGiveUp(): Promise<void> {
    if (!(await this.takeOver()) && this.state === "standby") this.#connection.standBy();
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
        if (calls.length === 0 && this.#elsewhere.length === 0) return;
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

  #added(call: Call, rings: boolean): void {
    // The other tabs show what goes on here.
    call.on("state", () => this.#tabs?.announce());
    call.on("ended", () => this.#show(call.id));
    this.#tabs?.announce();
    this.emit("call", call);
    if (rings) this.emit("incoming", call);
  }

  /** What was shown here ended before the listeners' eyes. */
  #missed(frame: MissedFrame): void {
    const { calls, more } = missedCalls(frame);
    const news = calls.filter(({ id }) => !this.#shown.has(id));
    if (news.length > 0) this.emit("missed", { calls: news, more });
  }

  #show(id: string | undefined): void {
    if (id === undefined) return;
    this.#shown.add(id);
    const [oldest] = this.#shown;
    if (oldest !== undefined && this.#shown.size > SHOWN) this.#shown.delete(oldest);
  }

  get #isOnline(): boolean {
    return this.#connection.state === "online";
  }

  #changed(state: ConnectionState): void {
    // Back it is only once the gateway has said what has become of the calls.
    if (state !== "online") for (const call of this.calls) call.take({ type: "offline" });
    this.emit("state", state);
  }

  #welcomed(welcome: Welcome): void {
    const fresh = welcome.session !== this.#welcome?.session;
    this.#welcome = welcome;
    this.#reachable();
    if (!welcome.resumed) this.#directory.reconcile(welcome.calls, fresh);
    this.emit("welcome", welcome);
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
