import type { Call, ConnectionState, RingbackClient, RingbackEvents, TabCall } from "@ringback/client";
import { watchCall } from "./call-snapshot.ts";
import { phaseOf } from "./phase.ts";
import { same } from "./same.ts";

/** The client as it is at one moment. */
export interface Connection {
  readonly state: ConnectionState;
  readonly user: string | undefined;
  /** The calls in the tab that is online in the place of this one. */
  readonly elsewhere: readonly TabCall[];
}

const EVENTS = ["state", "welcome", "elsewhere", "closed"] as const satisfies (keyof RingbackEvents)[];
const stores = new WeakMap<RingbackClient, ClientStore>();

export function storeOf(client: RingbackClient): ClientStore {
  const store = stores.get(client) ?? new ClientStore(client);
  stores.set(client, store);
  return store;
}

/** A client for `useSyncExternalStore`: listens to it for as long as somebody listens here. */
export class ClientStore {
  readonly #client: RingbackClient;
  readonly #listeners = new Set<() => void>();
  #ends: (() => void)[] = [];
  #watched = new Map<Call, () => void>();
  #connection: Connection | undefined;
  #calls: readonly Call[] = [];
  #incoming: readonly Call[] = [];
  /** Made or answered here, in the order in which that was done. */
  #inHand: readonly Call[] = [];
  /** The last one in hand, when it is over. */
  #over: Call | undefined;

  constructor(client: RingbackClient) {
    this.#client = client;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  };

  readonly connection = (): Connection => {
    const { state, user, elsewhere } = this.#client;
    this.#connection = kept(this.#connection, { state, user, elsewhere });
    return this.#connection;
  };

  readonly calls = (): readonly Call[] => {
    this.#sort();
    return this.#calls;
  };

  readonly incoming = (): readonly Call[] => {
    this.#sort();
    return this.#incoming;
  };

  readonly active = (): Call | undefined => {
    this.#sort();
    return this.#inHand.at(-1) ?? this.#over;
  };

  /** Shows a call no longer that is over. */
  readonly dismiss = (): void => {
    this.#over = undefined;
    this.#notify();
  };

  /** It may be asked at any time, also while React renders: the same calls make the same lists. */
  #sort(): void {
    const calls = this.#client.calls;
    const rings = (call: Call) => phaseOf(call) === "incoming";
    const inHand = calls.filter((call) => !rings(call));
    const known = this.#inHand.filter((call) => inHand.includes(call));
    const next = [...known, ...inHand.filter((call) => !known.includes(call))];
    if (next.length > 0) this.#over = undefined;
    else this.#over = this.#inHand.at(-1) ?? this.#over;
    this.#calls = kept(this.#calls, calls);
    this.#incoming = kept(this.#incoming, calls.filter(rings));
    this.#inHand = next;
  }

  #listen(): void {
    this.#ends = [
      ...EVENTS.map((name) => this.#client.on(name, this.#notify)),
      this.#client.on("call", (call) => {
        this.#watch(call);
        this.#notify();
      }),
    ];
    for (const call of this.#client.calls) this.#watch(call);
  }

  #watch(call: Call): void {
    if (this.#watched.has(call)) return;
    const changed = () => {
      if (call.state === "ended") this.#unwatch(call);
      this.#notify();
    };
    this.#watched.set(call, watchCall(call, changed));
  }

  #unwatch(call: Call): void {
    this.#watched.get(call)?.();
    this.#watched.delete(call);
  }

  #stop(): void {
    for (const end of this.#ends) end();
    for (const call of [...this.#watched.keys()]) this.#unwatch(call);
  }

  readonly #notify = (): void => {
    this.#sort();
    for (const listener of [...this.#listeners]) listener();
  };
}

function kept<T extends object>(before: T | undefined, now: T): T {
  return before !== undefined && same(before, now) ? before : now;
}
