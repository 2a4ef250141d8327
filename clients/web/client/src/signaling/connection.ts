import { Alarm } from "../alarm.ts";
import { comesBack, retryDelay } from "../core/reconnect.ts";
import { Emitter } from "../emitter.ts";
import { RingbackError, hasCode } from "../errors.ts";
import type { PageSignal, Platform } from "../platform.ts";
import {
  CloseCode,
  isCallEvent,
  type Ack,
  type CallEvent,
  type HelloFrame,
  type MissedFrame,
  type Request,
  type ServerFrame,
  type Welcome,
} from "../protocol.ts";
import { GatewaySocket } from "./gateway-socket.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Pending } from "./pending.ts";
import { SeenLedger, type Seen } from "./seen-ledger.ts";
import { TokenKeeper, type TokenSource } from "./token-keeper.ts";

/** `waiting`: for the time to try again. `standby`: another tab of this device is online. */
export type ConnectionState = "idle" | "standby" | "connecting" | "online" | "waiting" | "closed";

const RESTING: readonly ConnectionState[] = ["idle", "standby", "closed"];

/** A gateway that has too much to do lets in who says so before anything else. */
const resuming = (url: string): string => `${url}${url.includes("?") ? "&" : "?"}resume`;

export interface ConnectionEvents {
  state: ConnectionState;
  welcome: Welcome;
  event: CallEvent;
  missed: MissedFrame;
  /** The gateway names STUN and TURN servers, with credentials that are good from now on. */
  servers: RTCIceServer[];
  /** The network was in doubt, and the gateway can be reached by it. */
  reachable: true;
  /** The connection is over, until it is opened anew. */
  closed: { code: number; reason: string };
}

export interface ConnectionOptions {
  url: string;
  token: string | TokenSource;
  device: string;
  client: { name: string; version: string };
  /** For each call that the gateway may speak of, the last event that has arrived. */
  seen: () => Seen;
  /** Whether somebody wants to hear of missed calls. */
  wantsMissed: () => boolean;
  /** Whether there are calls that end when it does not come back soon. */
  isUrgent: () => boolean;
}

const WELCOME_LIMIT_MS = 10_000;
/** An attempt that is younger is left alone, whatever the page has to say. */
const YOUNG_MS = 2_000;
const RETRY_AFTER_MS = 1_000;
/** How often one is asked again where there were too many requests; all others as often as it takes. */
const TRIES: Partial<Record<Request["type"], number>> = { "call:init": 4, "call:report": 1 };
/** What is not worth waiting for any longer. Everything that makes a call what it is waits for as long as its session lives. */
const DEADLINES_MS: Partial<Record<Request["type"], number>> = { "call:report": 30_000, token: 30_000 };

/** One session with a gateway, over as many sockets as it takes. */
export class Connection extends Emitter<ConnectionEvents> {
  readonly #options: ConnectionOptions;
  readonly #platform: Platform;
  readonly #pending: Pending;
  readonly #heartbeat: Heartbeat;
  readonly #token: TokenKeeper;
  readonly #seen: SeenLedger;
  /** Of the attempt: its time limit, or the time of the next. */
  readonly #attempt: Alarm;
  readonly #goaway: Alarm;
  #state: ConnectionState = "idle";
  #socket: GatewaySocket | undefined;
  #session: string | undefined;
  #helloId: number | undefined;
  #startedAt = 0;
  #onlineSince: number | undefined;
  #failures = 0;
  #retryAfterMs = 0;
  /** Counts the attempts, so that a token that comes late opens no second socket. */
  #attempts = 0;

  constructor(options: ConnectionOptions, platform: Platform) {
    super();
    const { timers, random } = platform;
    this.#options = options;
    this.#platform = platform;
    this.#pending = new Pending({ timers, random, send: (text) => this.#socket?.sendText(text) });
    this.#attempt = new Alarm(timers);
    this.#goaway = new Alarm(timers);
    this.#seen = new SeenLedger(timers, () => this.#reportSeen());
    this.#heartbeat = new Heartbeat({
      timers,
      ping: () => this.#ping(),
      alive: () => this.emit("reachable", true),
      dead: () => this.#retry(),
    });
    this.#token = new TokenKeeper({
      timers,
      source: options.token,
      renew: (token) => this.#renew(token),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  open(): void {
    if (RESTING.includes(this.#state)) void this.#connect();
  }

  /** Lets another tab be online in the place of this one. */
  standBy(): void {
    const socket = this.#state === "online" ? this.#socket : undefined;
    if (socket !== undefined) this.#socket = undefined;
    socket?.linger(this.#platform.timers);
    this.#drop();
    this.#session = undefined;
    this.#pending.rejectAll(new RingbackError("other_tab", "another tab of this device is online"));
    this.#become("standby");
  }

  /** The page has learned something of the network, or of itself. */
  signal(signal: PageSignal): void {
    if (RESTING.includes(this.#state)) return;
    if (signal === "stored") this.#suspend();
    else this.probe();
  }

  /** The network may be back, or gone: tries at once, or asks the gateway whether it is there. */
  probe(): void {
    const isOld = this.#platform.timers.now() - this.#startedAt >= YOUNG_MS;
    if (this.#state === "online") this.#heartbeat.probe();
    else if (this.#state === "waiting" || (this.#state === "connecting" && isOld)) void this.#connect();
  }

  close(): void {
    this.#finish(CloseCode.Normal, "closed by the client");
  }

  /** Asks, and asks again when there were too many requests. Always settles: at the latest when the connection is closed. */
  async request(request: Request, signal?: AbortSignal): Promise<Ack> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#ask(request, signal);
      } catch (error) {
        if (!hasCode(error, "rate_limited") || tries >= (TRIES[request.type] ?? Infinity)) throw error;
        const later = error.retryAfterMs ?? RETRY_AFTER_MS;
        await new Promise<void>((done) => this.#platform.timers.set(done, later * (1 + this.#platform.random())));
      }
    }
  }

  #ask(request: Request, signal: AbortSignal | undefined): Promise<Ack> {
    if (this.#state === "closed") return Promise.reject(new RingbackError("closed", "the connection is closed"));
    return this.#pending.ask(request, { seen: this.#seen.take(), deadlineMs: DEADLINES_MS[request.type], signal });
  }

  /** The token that the gateway took last, or a fresh one. */
  token(): Promise<string> {
    return this.#token.current();
  }

  async #connect(): Promise<void> {
    this.#drop();
    this.#startedAt = this.#platform.timers.now();
    this.#become("connecting");
    const attempt = ++this.#attempts;
    const isCurrent = () => attempt === this.#attempts && this.#state === "connecting";
    let token: string;
    try {
      token = await this.#token.forConnection();
    } catch (error) {
      if (!isCurrent()) return;
      if (hasCode(error, "unauthorized")) this.#finish(CloseCode.BadToken, error.message);
      else this.#retry();
      return;
    }
    if (isCurrent()) this.#openSocket(token);
  }

  #openSocket(token: string): void {
    this.#attempt.set(WELCOME_LIMIT_MS, () => this.#retry());
    try {
      this.#socket = new GatewaySocket(this.#platform, {
        url: this.#session === undefined ? this.#options.url : resuming(this.#options.url),
        opened: () => this.#hello(token),
        heard: () => this.#heartbeat.heard(),
        frame: (frame) => this.#receive(frame),
        closed: (code, reason) => this.#lost(code, reason),
      });
    } catch (error) {
      // An address that is none, or one that is not secure on a page that is: it will be no other at the next try.
      this.#finish(CloseCode.None, `the socket can't be opened: ${String(error)}`);
    }
  }

  #hello(token: string): void {
    const { device, client, seen, wantsMissed } = this.#options;
    const id = this.#pending.nextId();
    this.#helloId = id;
    const resume = this.#session === undefined ? {} : { session: this.#session, seen: seen() };
    // It says all that has arrived.
    this.#seen.take();
    // The gateway keeps in mind what this device has confirmed.
    const missed = wantsMissed() ? { missed: 0 } : {};
    const hello: HelloFrame = { type: "hello", id, token, device, ...resume, ...missed, client };
    this.#socket?.send(hello);
  }

  #receive(frame: ServerFrame): void {
    if ("at" in frame && typeof frame.at === "number") this.#token.tell(frame.at);
    if (isCallEvent(frame)) {
      this.#seen.note(frame);
      this.emit("event", frame);
    } else if (frame.type === "missed") {
      this.emit("missed", frame);
      // Whoever listens has it by now; one that is never confirmed is told again.
      this.#socket?.send({ type: "seen", calls: {}, missed: frame.until });
    } else if (frame.type === "goaway") {
      this.#goaway.set(frame.reconnect_after_ms, () => void this.#connect());
    } else if (frame.id === this.#helloId) {
      if (frame.type === "ack") this.#welcome(frame as Welcome);
      else this.#retryAfterMs = frame.retry_after_ms ?? 0;
    } else if (frame.type === "ack") {
      this.#pending.resolve(frame);
    } else if (frame.type === "error") {
      this.#pending.refuse(frame);
    }
  }

  /** Hands over a fresh token, and gets fresh credentials in return. */
  async #renew(token: string): Promise<number | undefined> {
    const ack = await this.request({ type: "token", token });
    if (ack.ice_servers !== undefined) this.emit("servers", ack.ice_servers);
    return ack.token_expires_at;
  }

  /** Its reply also says what time it is at the gateway. */
  #ping(): void {
    this.#socket?.send({ type: "ping", id: this.#pending.nextId() });
  }

  #reportSeen(): void {
    const calls = this.#seen.take();
    if (calls !== undefined) this.#socket?.send({ type: "seen", calls });
  }

  #welcome(welcome: Welcome): void {
    this.#attempt.clear();
    this.#helloId = undefined;
    this.#onlineSince = this.#platform.timers.now();
    // Another session knows nothing of what was asked in the last one: whether that was done can't be told any more.
    if (welcome.session !== this.#session) {
      this.#pending.rejectSent(new RingbackError("disconnected", "the session was lost before the reply came"));
    }
    this.#session = welcome.session;
    this.#heartbeat.start(welcome.heartbeat_ms);
    this.#token.accepted(welcome.token_expires_at);
    if (this.#token.needsTime) this.#ping();
    this.#become("online");
    this.#pending.resume();
    this.emit("servers", welcome.ice_servers);
    this.emit("welcome", welcome);
  }

  #lost(code: number, reason: string): void {
    const mayComeBack = code === CloseCode.BadToken ? this.#token.refused() : comesBack(code);
    if (mayComeBack) this.#retry();
    else this.#finish(code, reason);
  }

  #retry(): void {
    const { timers, random } = this.#platform;
    const lastedMs = this.#onlineSince === undefined ? 0 : timers.now() - this.#onlineSince;
    const trouble = { lastedMs, retryAfterMs: this.#retryAfterMs, urgent: this.#options.isUrgent(), random: random() };
    const { failures, delayMs } = retryDelay(this.#failures, trouble);
    this.#failures = failures;
    this.#retryAfterMs = 0;
    this.#suspend();
    this.#attempt.set(delayMs, () => void this.#connect());
  }

  /** Nothing is tried before there is a sign to: a page that is stored away must not hold a socket. */
  #suspend(): void {
    this.#drop();
    this.#become("waiting");
  }

  #finish(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.#drop();
    this.#become("closed");
    this.#session = undefined;
    this.#failures = 0;
    this.#pending.rejectAll(new RingbackError("closed", `the connection is closed (${code})`));
    this.emit("closed", { code, reason });
  }

  /** Lets the socket go, and everything that runs for it. */
  #drop(): void {
    this.#attempt.clear();
    this.#pending.pause();
    this.#goaway.clear();
    this.#seen.pause();
    this.#heartbeat.stop();
    this.#token.stop();
    this.#onlineSince = undefined;
    this.#helloId = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.drop();
  }

  #become(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
