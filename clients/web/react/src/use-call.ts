import type { Call } from "@ringback/client";
import { useCallback, useSyncExternalStore } from "react";
import { snapshotOf, watchCall, type CallSnapshot } from "./call-snapshot.ts";

const nothing = () => undefined;

/** A call as it is now, with a new rendering whenever that changes. */
export function useCall(call: Call): CallSnapshot;
export function useCall(call: Call | undefined): CallSnapshot | undefined;
export function useCall(call: Call | undefined): CallSnapshot | undefined {
  const subscribe = useCallback((changed: () => void) => (call === undefined ? nothing : watchCall(call, changed)), [call]);
  const snapshot = () => (call === undefined ? undefined : snapshotOf(call));
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}
