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

export interface Platform {
  WebSocket: new (url: string, protocol: string) => Socket;
  RTCPeerConnection: new (configuration: RTCConfiguration) => RTCPeerConnection;
  getUserMedia: (constraints: MediaStreamConstraints) => Promise<MediaStream>;
  getDisplayMedia: (options: DisplayMediaStreamOptions) => Promise<MediaStream>;
  pageSignals: PageSignals;
  timers: Timers;
  random: () => number;
}

export const realTimers: Timers = {
  set: (action, ms) => setTimeout(action, ms),
  clear: (id) => clearTimeout(id),
  now: () => Date.now(),
};

export function browserPlatform(): Platform {
  return {
    WebSocket: globalThis.WebSocket as unknown as Platform["WebSocket"],
    RTCPeerConnection: globalThis.RTCPeerConnection,
    // `mediaDevices` is missing on pages that are not secure: a rejection like any other.
    getUserMedia: async (constraints) => navigator.mediaDevices.getUserMedia(constraints),
    getDisplayMedia: async (options) => navigator.mediaDevices.getDisplayMedia(options),
    pageSignals,
    timers: realTimers,
    random: Math.random,
  };
}
