import { RingbackClient, type Call, type Media, type Outcome } from "@ringback/client";
import { byId, setText } from "./dom";
import { Log } from "./log";
import { Tones } from "./tones";
import { CallingView } from "./views/calling";
import { IncomingView } from "./views/incoming";
import { InCallView } from "./views/in-call";
import * as words from "./words";

/** A user who is online, with one call at a time in front of them. */
export class Phone {
  readonly #client: RingbackClient;
  readonly #user: string;
  readonly #log: Log;
  readonly #tones = new Tones();
  readonly #status = byId("status");
  readonly #callee = byId<HTMLInputElement>("callee");
  readonly #inCall = new InCallView();
  readonly #calling = new CallingView(() => void this.#current?.end());
  readonly #incoming = new IncomingView(
    (call, media) => this.#answer(call, media),
    (call) => void call.reject(),
  );
  #current: Call | undefined;
  #ringing: Call[] = [];
  #node: string | undefined;
  #isAway = false;

  constructor(user: string, url: string) {
    this.#user = user;
    this.#log = new Log(user, (callee, video) => this.#call(callee, video));
    // In the gateway's development mode the name is the token.
    this.#client = new RingbackClient({ url, user, token: user });
    this.#client.on("state", () => this.#update());
    this.#client.on("welcome", ({ node }) => {
      this.#node = node;
      this.#update();
    });
    this.#client.on("incoming", (call) => this.#rings(call));
    this.#client.on("call", (call) => this.#added(call));
    this.#client.on("closed", ({ code }) => this.#say(words.closed(code)));
    this.#listen();
    this.#update();
    this.#client.open();
  }

  /** Of the call that is in front. */
  get peerConnection(): RTCPeerConnection | null {
    return this.#current?.peerConnection ?? null;
  }

  #listen(): void {
    const dial = byId<HTMLFormElement>("dial");
    dial.onsubmit = (event) => {
      event.preventDefault();
      this.#call(this.#callee.value, true);
    };
    byId("call-audio").onclick = () => {
      if (dial.reportValidity()) this.#call(this.#callee.value, false);
    };
    // Of several tabs the one that the person looks at is online, unless another is in a call.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.#client.takeOver();
    });
    // A call that is answered outlives a reload; who is just being rung need not wait for that.
    addEventListener("pagehide", () => {
      if (this.#current?.state === "ringing") void this.#current.end();
    });
  }

  #call(name: string, video: boolean): void {
    const callee = name.trim();
    if (callee === "" || this.#current !== undefined) return;
    this.#say("");
    this.#front(this.#client.call(callee, { audio: true, video }));
    this.#update();
  }

  /** Every call comes by here: ours, theirs, and what was there before this page was loaded. */
  #added(call: Call): void {
    this.#watch(call);
    if (call.role === "callee" && call.state === "ringing") return;
    this.#front(call);
    this.#update();
  }

  #rings(call: Call): void {
    this.#ringing.push(call);
    this.#update();
  }

  #answer(call: Call, media: Media): void {
    void this.#current?.end();
    this.#front(call);
    // Why not is told by its end.
    call.accept(media).catch(() => undefined);
    this.#update();
  }

  #front(call: Call): void {
    this.#current = call;
    this.#ringing = this.#ringing.filter((other) => other !== call);
  }

  #watch(call: Call): void {
    for (const name of ["state", "alerting", "link", "tracks"] as const) call.on(name, () => this.#update());
    call.on("ended", (outcome) => this.#ended(call, outcome));
  }

  #ended(call: Call, outcome: Outcome): void {
    const isMine = outcome.by?.user === this.#user;
    const text = this.#log.add(call, outcome, isMine);
    if (call === this.#current) {
      this.#current = undefined;
      this.#say(words.farewell(call.peer.user, outcome.reason, call.role, text));
    }
    this.#ringing = this.#ringing.filter((other) => other !== call);
    this.#update();
  }

  #say(text: string): void {
    setText(byId("note"), text);
  }

  #update(): void {
    const { state } = this.#client;
    this.#status.dataset.state = state;
    setText(this.#status, words.connection(state, this.#node));
    const call = this.#current;
    const isCalling = call?.role === "caller" && call.state === "ringing";
    this.#calling.show(isCalling ? call : undefined, state === "online");
    this.#inCall.show(isCalling ? undefined : call);
    this.#incoming.show(this.#ringing[0]);
    this.#tones.play(this.#ringing.length > 0 ? "ring" : isCalling && call.alerting ? "ringback" : undefined);
    this.#leaveHome(call !== undefined);
    const caller = this.#ringing[0]?.peer.user;
    document.title = caller !== undefined ? `${caller} calls you` : `${call?.peer.user ?? this.#user} · Ringback`;
  }

  /** What is behind a call can't be seen or reached; after it the focus is where it was useful last. */
  #leaveHome(away: boolean): void {
    if (away === this.#isAway) return;
    this.#isAway = away;
    byId("home").hidden = away;
    if (!away) byId("call-video").focus({ preventScroll: true });
  }
}
