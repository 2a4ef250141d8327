import { Alarm } from "../alarm.ts";
import { RingbackError } from "../errors.ts";
import type { Timers } from "../platform.ts";

/** Why a token is asked for: for a new connection, ahead of its end on an open one, or as the gateway refused the last. */
export type TokenReason = "connect" | "expiring" | "refused";

export type TokenSource = (reason: TokenReason) => string | Promise<string>;

export interface TokenKeeperOptions {
  timers: Timers;
  source: string | TokenSource;
  /** Hands a fresh token to the gateway; resolves to when that one expires. */
  renew: (token: string) => Promise<number | undefined>;
}

const AHEAD_MS = 30_000;
const MIN_MS = 1_000;
/** Longer delays overflow the browser's timers. */
const MAX_MS = 86_400_000;
/** How long the application may take to get a token. */
const SOURCE_LIMIT_MS = 20_000;
/** So many in a row that are refused, and no more is asked for. */
const REFUSALS = 3;

/** The user's token: a fresh one whenever it is needed, as often as it is needed. */
export class TokenKeeper {
  readonly #options: TokenKeeperOptions;
  readonly #renewal: Alarm;
  #last: string | undefined;
  /** The last that the gateway took. */
  #good: string | undefined;
  #refusals = 0;
  /** How far the gateway's clock is ahead of ours, once something of its came. */
  #aheadMs: number | undefined;
  #expiresAt: number | undefined;

  constructor(options: TokenKeeperOptions) {
    this.#options = options;
    this.#renewal = new Alarm(options.timers);
  }

  /** For a new connection. Rejects when the application has none, or takes too long; `unauthorized` when it has no other. */
  async forConnection(): Promise<string> {
    const refused = this.#refusals > 0;
    const token = await this.#ask(refused ? "refused" : "connect");
    if (refused && token === this.#last) throw new RingbackError("unauthorized", "the gateway has refused this token");
    this.#last = token;
    return token;
  }

  /** For something beside the connection. Rejects as that does. */
  async current(): Promise<string> {
    return this.#good ?? this.#ask("connect");
  }

  /** The gateway did not take it. Whether another one may help. */
  refused(): boolean {
    this.#refusals += 1;
    this.#good = undefined;
    return typeof this.#options.source === "function" && this.#refusals < REFUSALS;
  }

  /** The gateway took it, until then; `undefined` if it does not expire. */
  accepted(expiresAt: number | undefined): void {
    this.#refusals = 0;
    this.#good = this.#last;
    this.#expiresAt = expiresAt;
    this.#schedule();
  }

  /** Whether it has to be told the time before it can tell when the token expires. */
  get needsTime(): boolean {
    return this.#expiresAt !== undefined && this.#aheadMs === undefined;
  }

  /** What time it is at the gateway: clocks of clients are hours off. */
  tell(serverTime: number): void {
    const wasUnknown = this.#aheadMs === undefined;
    this.#aheadMs = serverTime - this.#options.timers.now();
    if (wasUnknown && this.#renewal.isSet) this.#schedule();
  }

  stop(): void {
    this.#renewal.clear();
  }

  #schedule(): void {
    this.#renewal.clear();
    if (this.#expiresAt === undefined) return;
    const left = this.#expiresAt - this.#options.timers.now() - (this.#aheadMs ?? 0);
    const delay = Math.min(Math.max(left - AHEAD_MS, left / 2, MIN_MS), MAX_MS);
    this.#renewal.set(delay, () => void this.#renew());
  }

  /** One that can't be had is asked for again, the sooner the less time is left. */
  async #renew(): Promise<void> {
    const expiresAt = this.#expiresAt;
    try {
      const token = await this.#ask("expiring");
      const expiresAt = await this.#options.renew(token);
      this.#last = token;
      this.accepted(expiresAt);
    } catch {
      if (this.#expiresAt === expiresAt) this.#schedule();
    }
  }

  async #ask(reason: TokenReason): Promise<string> {
    const { source, timers } = this.#options;
    if (typeof source === "string") return source;
    const limit = new Alarm(timers);
    const late = new Promise<never>((_, reject) => {
      limit.set(SOURCE_LIMIT_MS, () => reject(new RingbackError("timeout", "the application took too long to get a token")));
    });
    try {
      return await Promise.race([Promise.resolve(source(reason)), late]);
    } finally {
      limit.clear();
    }
  }
}
