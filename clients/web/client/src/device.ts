import type { Platform } from "./platform.ts";

const KEY = "ringback-device";

/** The name of this installation: the same in all tabs of a browser, and after a reload. */
export function deviceName({ storage, randomId }: Pick<Platform, "storage" | "randomId">): string {
  const kept = storage.get(KEY);
  if (kept !== undefined && /^[A-Za-z0-9._-]{1,64}$/.test(kept)) return kept;
  const made = `web-${randomId()}`;
  storage.set(KEY, made);
  return made;
}
