import { Backoff } from "../core/backoff.ts";
import { Emitter } from "../emitter.ts";
import { RingbackError, hasCode } from "../errors.ts";
import { Pending } from "./pending.ts";
import type { Platform, Socket, TimerId } from "../platform.ts";
import {
  CloseCode,
  SUBPROTOCOL,
  comesBack,
  isCallEvent,
  parseFrame,
  type Ack,
  type CallEvent,
  type ErrorFrame,
  type HelloFrame,
  type Request,
  type SeenFrame,
  type ServerFrame,
  type Welcome,
} from "../protocol.ts";

export type ConnectionState = "idle" | "connecting" | "online" | "waiting" | "closed";

export interface ConnectionEvents {
  state: ConnectionState;
  welcome: Welcome;
  event: CallEvent;
  /** The connection is over for good. */
  closed: { code: number; reason: string };
}

export interface ConnectionOptions {
  url: string;
  token: () => string | Promise<string>;
  device: string;
  client: { name: string; version: string };
  /** For each live call, the last event that has arrived. */
  seen: () => Record<string, number>;
  /** Whether there are calls that end when it does not come back soon. */
  isUrgent: () => boolean;
}

type TimerName = "retry" | "welcome" | "ping" | "pong" | "renew" | "goaway" | "again" | "seen";

const WELCOME_LIMIT_MS = 10_000;
const PONG_LIMIT_MS = 8_000;
/** A device in a call is waited for some 20 s. */
const URGENT_CAP_MS = 2_000;
const RENEW_AHEAD_MS = 30_000;
const REPORT_MS = 2_000;
/** How often one is asked again where there were too many requests; all others as often as it takes. */
const TRIES: Partial<Record<Request["type"], number>> = { "call:init": 4, "call:report": 1 };
const RETRY_AFTER_MS = 1_000;
/** What is not worth waiting for any longer. Everything that makes a call what it is waits for as long as its session lives. */
const DEADLINES_MS: Partial<Record<Request["type"], number>> = { "call:report": 30_000, token: 30_000 };

/** One session with a gateway, over as many sockets as it takes. */
export class Connection extends Emitter<ConnectionEvents> {
  readonly #options: ConnectionOptions;
  readonly #platform: Platform;
  readonly #backoff: Backoff;
  readonly #pending: Pending;
  #state: ConnectionState = "idle";
  #socket: Socket | undefined;
  #session: string | undefined;
  #helloId: number | undefined;
  #heartbeatMs = 20_000;
  #retryAfterMs = 0;
  /** Counts the attempts, so that a token that comes late opens no second socket. */
  #attempt = 0;
  /** Of each call the last event that the gateway does not know to have arrived. */
  #unreported: Record<string, number> = {};
  readonly #send = (text: string): void => this.#socket?.send(text);
  readonly #timers: Partial<Record<TimerName, TimerId>> = {};

  constructor(options: ConnectionOptions, platform: Platform) {
    super();
    this.#options = options;
    this.#platform = platform;
    this.#backoff = new Backoff(platform.random);
    this.#pending = new Pending(platform.timers);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  open(): void {
    if (this.#state === "idle") void this.#connect();
  }

  /** Tries at once what it waits with: the network may be back. */
  nudge(): void {
    if (this.#state === "waiting") void this.#connect();
    else if (this.#state === "online") this.#ping();
  }

  close(): void {
    this.#finish(CloseCode.Normal, "closed by the client");
  }

  /** Asks, and asks again when there were too many requests. Always settles. */
  async request(request: Request): Promise<Ack> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#ask(request);
      } catch (error) {
        if (!hasCode(error, "rate_limited") || tries >= (TRIES[request.type] ?? Infinity)) throw error;
        const later = error.retryAfterMs ?? RETRY_AFTER_MS;
        await new Promise<void>((done) => this.#platform.timers.set(done, later * (1 + this.#platform.random())));
      }
    }
  }

  #ask(request: Request): Promise<Ack> {
    if (this.#state === "closed") return Promise.reject(new RingbackError("closed", "the connection is closed"));
    const { id, reply } = this.#pending.add(request, this.#takeSeen(), DEADLINES_MS[request.type]);
    if (this.#state === "online") this.#pending.send(id, this.#send);
    return reply;
  }

  async #connect(): Promise<void> {
    this.#drop();
    this.#become("connecting");
    const attempt = ++this.#attempt;
    let token: string;
    try {
      token = await this.#options.token();
    } catch {
      if (attempt === this.#attempt) this.#retry();
      return;
    }
    if (attempt !== this.#attempt || this.#state !== "connecting") return;
    this.#timer("welcome", WELCOME_LIMIT_MS, () => this.#retry());
    const socket = new this.#platform.WebSocket(this.#options.url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => this.#hello(socket, token);
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
  }

  #hello(socket: Socket, token: string): void {
    const { device, client } = this.#options;
    const id = this.#pending.nextId();
    this.#helloId = id;
    const resume = this.#session === undefined ? {} : { session: this.#session, seen: this.#options.seen() };
    this.#unreported = {};
    const hello: HelloFrame = { type: "hello", id, token, device, ...resume, client };
    socket.send(JSON.stringify(hello));
  }

  #receive(data: unknown): void {
    this.#clear("pong");
    const frame = parseFrame(data);
    if (frame === undefined) return;
    if (isCallEvent(frame)) this.#event(frame);
    else this.#control(frame);
  }

  /** What has arrived is reported with the next request, or by itself after a while: the gateway keeps it till then. */
  #event(event: CallEvent): void {
    this.#unreported[event.call] = event.seq;
    if (this.#timers.seen === undefined) this.#timer("seen", REPORT_MS, () => this.#reportSeen());
    this.emit("event", event);
  }

  #reportSeen(): void {
    const calls = this.#takeSeen();
    if (calls === undefined) return;
    const frame: SeenFrame = { type: "seen", calls };
    this.#send(JSON.stringify(frame));
  }

  #takeSeen(): Record<string, number> | undefined {
    this.#clear("seen");
    const seen = this.#unreported;
    this.#unreported = {};
    return Object.keys(seen).length === 0 ? undefined : seen;
  }

  #control(frame: Exclude<ServerFrame, CallEvent>): void {
    if (frame.type === "goaway") {
      this.#timer("goaway", frame.reconnect_after_ms, () => void this.#connect());
    } else if (frame.id === this.#helloId) {
      if (frame.type === "ack") this.#welcome(frame as Welcome);
      else this.#retryAfterMs = frame.retry_after_ms ?? 0;
    } else if (frame.type === "ack") {
      this.#pending.resolve(frame);
    } else {
      this.#refused(frame);
    }
  }

  #refused(frame: ErrorFrame): void {
    const error = RingbackError.from(frame);
    const { id, retry_after_ms: later = RETRY_AFTER_MS } = frame;
    const again = error.code === "unavailable" && id !== undefined;
    if (!again || !this.#pending.postpone(id, error)) return this.#pending.reject(id, error);
    if (this.#timers.again !== undefined) return;
    this.#timer("again", later * (1 + this.#platform.random()), () => {
      this.#timers.again = undefined;
      this.#pending.sendPostponed(this.#send);
    });
  }

  #welcome(welcome: Welcome): void {
    this.#clear("welcome");
    this.#helloId = undefined;
    this.#backoff.reset();
    // Another session knows nothing of what was asked in the last one: whether that was done can't be told any more.
    if (welcome.session !== this.#session) {
      this.#pending.rejectSent(new RingbackError("disconnected", "the connection was lost before the reply came"));
    }
    this.#session = welcome.session;
    this.#heartbeatMs = welcome.heartbeat_ms;
    this.#timer("ping", this.#heartbeatMs, () => this.#ping());
    this.#renewAhead(welcome.token_expires_at);
    this.#become("online");
    this.#pending.sendAll(this.#send);
    this.emit("welcome", welcome);
  }

  #ping(): void {
    this.#socket?.send(JSON.stringify({ type: "ping", id: this.#pending.nextId() }));
    this.#timer("ping", this.#heartbeatMs, () => this.#ping());
    this.#timer("pong", Math.min(PONG_LIMIT_MS, this.#heartbeatMs), () => this.#retry());
  }

  #renewAhead(expiresAt: number | undefined): void {
    this.#clear("renew");
    if (expiresAt === undefined) return;
    const left = expiresAt - this.#platform.timers.now();
    // A day at most: longer delays overflow the browser's timers.
    const delay = Math.min(Math.max(left - RENEW_AHEAD_MS, left / 2, 1_000), 86_400_000);
    this.#timer("renew", delay, () => void this.#renew(expiresAt));
  }

  async #renew(expiresAt: number): Promise<void> {
    try {
      const ack = await this.request({ type: "token", token: await this.#options.token() });
      this.#renewAhead(ack.token_expires_at);
    } catch {
      this.#renewAhead(expiresAt);
    }
  }

  #lost(code: number, reason: string): void {
    if (comesBack(code)) this.#retry();
    else this.#finish(code, reason);
  }

  #retry(): void {
    this.#drop();
    if (this.#state === "closed") return;
    this.#become("waiting");
    const cap = this.#options.isUrgent() ? URGENT_CAP_MS : undefined;
    const delay = Math.max(this.#backoff.next(cap), this.#retryAfterMs);
    this.#retryAfterMs = 0;
    this.#timer("retry", delay, () => void this.#connect());
  }

  #finish(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.#drop();
    this.#become("closed");
    this.#pending.rejectAll(new RingbackError("closed", `the connection is closed (${code})`));
    this.emit("closed", { code, reason });
  }

  /** Lets the socket go; nothing of it is heard any more. */
  #drop(): void {
    for (const name of Object.keys(this.#timers) as TimerName[]) this.#clear(name);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#helloId = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(CloseCode.Normal);
  }

  #become(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", state);
  }

  #timer(name: TimerName, ms: number, action: () => void): void {
    this.#clear(name);
    this.#timers[name] = this.#platform.timers.set(action, ms);
  }

  #clear(name: TimerName): void {
    this.#platform.timers.clear(this.#timers[name]);
    this.#timers[name] = undefined;
  }
}
