import { pageSignals } from "./page.ts";

/** What the client takes from the browser. Tests bring their own. */

/** The part of a WebSocket that is used. */
export interface Socket {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type TimerId = ReturnType<typeof setTimeout>;

export interface Timers {
  set(action: () => void, ms: number): TimerId;
  clear(id: TimerId | undefined): void;
  now(): number;
}

/**
 * `network`: it is back, or another. `visible`: the page is looked at, or thawed. `stored`: it goes into the back/forward
 * cache; `restored`: it comes out of it.
 */
export type PageSignal = "network" | "visible" | "stored" | "restored";

/** Listens until the returned function is called. */
export type PageSignals = (told: (signal: PageSignal) => void) => () => void;

/** The part of Web Locks that is used. */
export interface TabLocks {
  request(name: string, options: LockOptions, hold: () => Promise<void>): Promise<void>;
}

/** A BroadcastChannel. */
export interface TabChannel {
  onmessage: ((event: { data: unknown }) => void) | null;
  post(message: unknown): void;
  close(): void;
}

/** What is kept in the browser, for all tabs. It may fail: then nothing is. */
export interface Storage {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  remove(key: string): void;
}

export interface Platform {
  WebSocket: new (url: string, protocol: string) => Socket;
  RTCPeerConnection: new (configuration: RTCConfiguration) => RTCPeerConnection;
  fetch: (url: string, options: RequestInit) => Promise<Response>;
  getUserMedia: (constraints: MediaStreamConstraints) => Promise<MediaStream>;
  getDisplayMedia: (options: DisplayMediaStreamOptions) => Promise<MediaStream>;
  pageSignals: PageSignals;
  /** Absent on pages that are not secure. */
  locks: TabLocks | undefined;
  channel: (name: string) => TabChannel;
  storage: Storage;
  timers: Timers;
  /** From 0 to 1: to spread what must not happen all at once. */
  random: () => number;
  /** A name that nobody else has. */
  randomId: () => string;
}

export const realTimers: Timers = {
  set: (action, ms) => setTimeout(action, ms),
  clear: (id) => clearTimeout(id),
  now: () => Date.now(),
};

/** A page without storage (it may be forbidden) is a new device each time. */
const localStore: Storage = {
  get(key) {
    try {
      return localStorage.getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // As said.
    }
  },
  remove(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // As said.
    }
  },
};

function broadcastChannel(name: string): TabChannel {
  const inner = new BroadcastChannel(name);
  const channel: TabChannel = { onmessage: null, post: (message) => inner.postMessage(message), close: () => inner.close() };
  inner.onmessage = ({ data }) => channel.onmessage?.({ data });
  return channel;
}

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function browserPlatform(): Platform {
  return {
    WebSocket: globalThis.WebSocket as unknown as Platform["WebSocket"],
    RTCPeerConnection: globalThis.RTCPeerConnection,
    fetch: async (url, options) => fetch(url, options),
    // `mediaDevices` is missing on pages that are not secure: a rejection like any other.
    getUserMedia: async (constraints) => navigator.mediaDevices.getUserMedia(constraints),
    getDisplayMedia: async (options) => navigator.mediaDevices.getDisplayMedia(options),
    pageSignals,
    // Read as absent in Node.
    locks: (globalThis.navigator as Navigator | undefined)?.locks,
    channel: broadcastChannel,
    storage: localStore,
    timers: realTimers,
    random: Math.random,
    randomId,
  };
}
