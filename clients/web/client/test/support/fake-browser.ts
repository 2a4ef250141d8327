import type { Storage, TabChannel, TabLocks } from "../../src/platform.ts";

interface Request {
  name: string;
  hold: () => Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** What the tabs of one browser share. */
export class FakeBrowser {
  readonly #holding = new Map<string, Request>();
  #queue: Request[] = [];
  readonly #channels = new Map<string, Set<TabChannel>>();
  /** Tabs that are frozen hear nothing. */
  readonly frozen = new Set<TabChannel>();

  readonly kept = new Map<string, string>();
  readonly storage: Storage = {
    get: (key) => this.kept.get(key),
    set: (key, value) => void this.kept.set(key, value),
    remove: (key) => void this.kept.delete(key),
  };

  readonly locks: TabLocks = {
    request: (name, { steal, signal }, hold) =>
      new Promise<void>((resolve, reject) => {
        const request = { name, hold, resolve, reject };
        if (signal?.aborted) return reject(new DOMException("aborted", "AbortError"));
        signal?.addEventListener("abort", () => {
          if (!this.#queue.includes(request)) return;
          this.#queue = this.#queue.filter((other) => other !== request);
          reject(new DOMException("aborted", "AbortError"));
        });
        if (steal) {
          this.#holding.get(name)?.reject(new DOMException("stolen", "AbortError"));
          this.#holding.delete(name);
          this.#queue.unshift(request);
        } else {
          this.#queue.push(request);
        }
        this.#grant(name);
      }),
  };

  channel = (name: string): TabChannel => {
    const others = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, others);
    const channel: TabChannel = {
      onmessage: null,
      post: (message) => {
        for (const other of [...others]) {
          if (other !== channel && !this.frozen.has(other)) queueMicrotask(() => other.onmessage?.({ data: structuredClone(message) }));
        }
      },
      close: () => {
        channel.onmessage = null;
        others.delete(channel);
      },
    };
    others.add(channel);
    return channel;
  };

  get open(): number {
    return [...this.#channels.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get held(): string[] {
    return [...this.#holding.keys()];
  }

  #grant(name: string): void {
    if (this.#holding.has(name)) return;
    const next = this.#queue.find((request) => request.name === name);
    if (next === undefined) return;
    this.#queue = this.#queue.filter((other) => other !== next);
    this.#holding.set(name, next);
    queueMicrotask(() => {
      void next.hold().then(() => {
        if (this.#holding.get(name) !== next) return;
        this.#holding.delete(name);
        next.resolve();
        this.#grant(name);
      });
    });
  }
}
