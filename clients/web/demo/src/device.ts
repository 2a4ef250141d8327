const KEY = "ringback-device";

/**
 * The name of this installation: a tab. It is kept over a reload, and two tabs have two. A duplicated tab comes with its
 * original's storage, so a name also has to be free: the gateway lets a device have one connection alone.
 */
export async function deviceId(): Promise<string> {
  const kept = sessionStorage.getItem(KEY);
  if (kept !== null && (await claim(kept))) return kept;
  const made = `tab-${randomHex(6)}`;
  await claim(made);
  sessionStorage.setItem(KEY, made);
  return made;
}

/** Holds the name for as long as the page lives. After a reload the old page may take a moment to let go of it. */
function claim(id: string): Promise<boolean> {
  // Absent where the page is not secure.
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const hold = () => {
      resolve(true);
      return new Promise<never>(() => undefined);
    };
    locks.request(`${KEY}-${id}`, { signal: AbortSignal.timeout(500) }, hold).catch(() => resolve(false));
  });
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
