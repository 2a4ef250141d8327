/** What is done when the media stop: a while of waiting, a few ICE restarts, and then no more. */

/** How long a connection may come back by itself before ICE is restarted. */
const GRACE_MS = 2_000;
/** How long a restart may take before the next. */
const PATIENCE_MS = 8_000;
const TRIES = 3;

export interface Recovery {
  /** Restarts so far. */
  readonly tries: number;
  /** Its timer runs. */
  readonly waiting: boolean;
}

export type RecoveryStep =
  | { type: "wait"; ms: number }
  | { type: "restart"; ms: number }
  | { type: "give up" }
  | { type: "recovered" };

export type RecoveryInput = "connected" | "disconnected" | "failed" | "renewed" | "timer" | "online";

export const IDLE: Recovery = { tries: 0, waiting: false };

/** `undefined` where there is nothing to do. Without a gateway no restart can work, so none is tried. */
export function recover(now: Recovery, input: RecoveryInput, online: boolean): [Recovery, RecoveryStep] | undefined {
  switch (input) {
    case "connected":
      return [IDLE, { type: "recovered" }];
    case "disconnected":
      return now.waiting ? undefined : wait(now.tries, GRACE_MS);
    case "renewed":
      return wait(0, PATIENCE_MS);
    case "online":
      return now.waiting ? restart(0, true) : undefined;
    case "failed":
    case "timer":
      return restart(now.tries, online);
  }
}

function wait(tries: number, ms: number): [Recovery, RecoveryStep] {
  return [{ tries, waiting: true }, { type: "wait", ms }];
}

function restart(tries: number, online: boolean): [Recovery, RecoveryStep] {
  if (!online) return wait(tries, PATIENCE_MS);
  if (tries >= TRIES) return [IDLE, { type: "give up" }];
  return [{ tries: tries + 1, waiting: true }, { type: "restart", ms: PATIENCE_MS }];
}
