import type { Call, ConnectionState } from "@ringback/client";
import { useMemo, useSyncExternalStore } from "react";
import { storeOf, type ClientStore, type Connection } from "./client-store.ts";
import { useOptionalClient, useRingbackClient } from "./provider.tsx";

export interface ActiveCall {
  /** The call that was made or answered last; when it has ended, it stays until it is dismissed. */
  call: Call | undefined;
  dismiss: () => void;
}

/** The client's state, its user, and what goes on in another tab. */
export function useConnection(): Connection {
  return useStore((store) => store.connection);
}

/** All calls that have not ended. */
export function useCalls(): readonly Call[] {
  return useStore((store) => store.calls);
}

/** The calls that ring here and wait for an answer, the oldest first. */
export function useIncomingCalls(): readonly Call[] {
  return useStore((store) => store.incoming);
}

/** The call that the person is in: the one to show. */
export function useActiveCall(): ActiveCall {
  const call = useStore((store) => store.active);
  const { dismiss } = storeOf(useRingbackClient());
  return useMemo(() => ({ call, dismiss }), [call, dismiss]);
}

/** Of the client alone, where there is one. */
export function useConnectionState(): ConnectionState | undefined {
  const client = useOptionalClient();
  const store = client && storeOf(client);
  const state = () => store?.connection().state;
  return useSyncExternalStore(store?.subscribe ?? never, state, state);
}

const never = () => () => undefined;

function useStore<T>(of: (store: ClientStore) => () => T): T {
  const store = storeOf(useRingbackClient());
  return useSyncExternalStore(store.subscribe, of(store), of(store));
}
