import type { RingbackClient } from "@ringback/client";
import { createContext, useContext, type ReactNode } from "react";

export interface RingbackProviderProps {
  /** Made, opened and closed by the application: it outlives every component. */
  client: RingbackClient;
  children?: ReactNode;
}

const ClientContext = createContext<RingbackClient | undefined>(undefined);

/** Gives a client to the hooks below. */
export function RingbackProvider({ client, children }: RingbackProviderProps) {
  return <ClientContext.Provider value={client}>{children}</ClientContext.Provider>;
}

/** The client of the provider above. */
export function useRingbackClient(): RingbackClient {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error("there is no <RingbackProvider> above");
  return client;
}

/** The same, where it is possible to do without. */
export function useOptionalClient(): RingbackClient | undefined {
  return useContext(ClientContext);
}
