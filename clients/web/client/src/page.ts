import type { PageSignal, PageSignals } from "./platform.ts";

/** Network information, where the browser has it. */
interface NavigatorNetwork {
  connection?: EventTarget;
}

/** What a page learns of the network and of itself: back online, another network, looked at again, woken up, stored away. */
export const pageSignals: PageSignals = (told) => {
  // Not in a worker, nor where there is no page at all.
  if (typeof document === "undefined") return () => undefined;
  const listening = new AbortController();
  const listen = (target: EventTarget | undefined, event: string, signal: (event: Event) => PageSignal | undefined): void => {
    const hear = (event: Event) => {
      const heard = signal(event);
      if (heard !== undefined) told(heard);
    };
    target?.addEventListener(event, hear, { signal: listening.signal });
  };
  const isStored = (event: Event) => (event as PageTransitionEvent).persisted;
  listen(window, "online", () => "network");
  listen((navigator as NavigatorNetwork).connection, "change", () => "network");
  listen(document, "visibilitychange", () => (document.visibilityState === "visible" ? "visible" : undefined));
  listen(document, "resume", () => "visible");
  listen(window, "pagehide", (event) => (isStored(event) ? "stored" : undefined));
  listen(window, "pageshow", (event) => (isStored(event) ? "restored" : undefined));
  return () => listening.abort();
};
