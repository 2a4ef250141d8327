import type { Storage } from "../platform.ts";

/** What a person has chosen in a call: it must not be undone by loading the page anew. */
export interface Choices {
  muted: boolean;
  camera: boolean;
}

const KEY = "ringback-choices";

/** The choices in the call that was changed last: one entry, so that nothing is left of calls that ended without us. */
export class KeptChoices {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  keep(call: string, choices: Choices): void {
    this.#storage.set(KEY, JSON.stringify({ ...choices, call }));
  }

  of(call: string): Choices | undefined {
    try {
      const kept: unknown = JSON.parse(this.#storage.get(KEY) ?? "null");
      if (typeof kept !== "object" || kept === null || !("call" in kept) || kept.call !== call) return undefined;
      const { muted, camera } = kept as Partial<Choices>;
      return { muted: muted === true, camera: camera === true };
    } catch {
      return undefined;
    }
  }

  /** The call is over. */
  forget(call: string): void {
    if (this.of(call) !== undefined) this.#storage.remove(KEY);
  }
}
