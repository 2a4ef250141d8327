type Listener = (event: never) => void;

/** An event target that knows how many listen to it. */
export class FakeTarget {
  readonly #listeners = new Map<string, Set<Listener>>();

  addEventListener(name: string, listener: Listener, { signal }: { signal?: AbortSignal } = {}): void {
    if (signal?.aborted) return;
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    signal?.addEventListener("abort", () => listeners.delete(listener));
  }

  removeEventListener(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0);
  }

  fire(name: string, event: object = {}): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) (listener as (event: object) => void)(event);
  }
}
