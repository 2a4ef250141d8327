import { useSyncExternalStore } from "react";

/** Something that is known outside of React, and shown by it. */
export class Value<T> {
  #now: T;
  readonly #listeners = new Set<() => void>();

  constructor(now: T) {
    this.#now = now;
  }

  readonly get = (): T => this.#now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  set(now: T): void {
    this.#now = now;
    for (const listener of [...this.#listeners]) listener();
  }
}

export function useValue<T>(value: Value<T>): T {
  return useSyncExternalStore(value.subscribe, value.get);
}
