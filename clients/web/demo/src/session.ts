import { PATH, RingbackClient } from "@ringback/client";
import { CallLog } from "./call-log";
import { Tones } from "./tones";
import { Value } from "./value";
import * as words from "./words";

/** A user who is online in this tab: what is there whatever React shows of it. */
export interface Session {
  user: string;
  client: RingbackClient;
  log: CallLog;
  tones: Tones;
  /** The gateway that the user is connected to. */
  node: Value<string | undefined>;
  /** Why it is over. */
  note: Value<string>;
}

declare global {
  interface Window {
    /** For tests: the peer connection of the call that goes on. */
    __ringback: { readonly pc: RTCPeerConnection | null };
  }
}

export function signIn(user: string): Session {
  // In the gateway's development mode the name is the token.
  // `?transport=relay`: by a TURN server alone.
  const iceTransportPolicy = new URLSearchParams(location.search).get("transport") === "relay" ? "relay" : "all";
  const client = new RingbackClient({ url: socketUrl(), user, token: user, configuration: { iceTransportPolicy } });
  const session: Session = { user, client, log: new CallLog(user), tones: new Tones(), node: new Value<string | undefined>(undefined), note: new Value("") };
  client.on("welcome", ({ node }) => session.node.set(node));
  client.on("closed", ({ code }) => session.note.set(words.closed(code)));
  client.on("missed", ({ calls }) => session.log.addMissed(calls));
  client.on("call", (call) => call.on("ended", (outcome) => session.log.add(call, outcome)));
  window.__ringback = {
    get pc() {
      return client.calls.map((call) => call.peerConnection).find((pc) => pc !== undefined) ?? null;
    },
  };
  followThePerson(client);
  client.open();
  return session;
}

function followThePerson(client: RingbackClient): void {
  // Of several tabs the one that the person looks at is online, unless another is in a call.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void client.takeOver();
  });
  // A call that is answered outlives a reload; who is just being rung need not wait for that.
  addEventListener("pagehide", () => {
    for (const call of client.calls) if (call.role === "caller" && call.state === "ringing") void call.end();
  });
}

function socketUrl(): string {
  const url = new URL(PATH, location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
