import type { CallContext, CallEvents, CallOptions, CallState, LinkState } from "./call-types.ts";
import { Emitter } from "./emitter.ts";
import { RingbackError, hasCode } from "./errors.ts";
import { insist } from "./signaling/insist.ts";
import { LocalMedia } from "./media/local-media.ts";
import { outcomeOf, type Outcome } from "./core/outcome.ts";
import { PeerLink } from "./media/peer-link.ts";
import type { Platform } from "./platform.ts";
import type { CallEvent, EndReason, Media, Request, Role, Snapshot } from "./signaling/protocol.ts";
import type { MediaReport } from "./media/report.ts";

/** One call, from the first ring to its end. It follows the gateway's events; only an end of ours does not wait. */
export class Call extends Emitter<CallEvents> {
  readonly media: Media;
  readonly #context: CallContext;
  readonly #local: LocalMedia;
  #id: string | undefined;
  #role: Role;
  #peer: { user: string; device?: string };
  #metadata: unknown;
  #seq: number;
  #state: CallState = "ringing";
  #alerting = false;
  #connectedAt: number | undefined;
  #setupMs: number | undefined;
  #outcome: Outcome | undefined;
  #link: PeerLink | undefined;
  #linkState: LinkState = "fine";
  #mediaFlowed = false;
  #peerAway = false;
  #accepting: Promise<void> | undefined;
  /** How our end of it is told, once the call has an id. */
  #farewell: ((call: string) => Request) | undefined;
  #cameraWork: Promise<void> = Promise.resolve();

  /** @internal Made by the client: see `RingbackClient.call` and its event `incoming`. */
  constructor(context: CallContext, options: CallOptions) {
    super();
    this.#context = context;
    this.#local = new LocalMedia(context.platform);
    this.media = options.media;
    this.#id = options.id;
    this.#role = options.role;
    this.#peer = options.peer;
    this.#metadata = options.metadata;
    this.#seq = options.seq ?? 0;
  }

  /** Absent until the gateway has taken the call. */
  get id(): string | undefined {
    return this.#id;
  }

  /** May change once: when both called each other, one of them becomes the callee. */
  get role(): Role {
    return this.#role;
  }

  get peer(): { user: string; device?: string } {
    return this.#peer;
  }

  get metadata(): unknown {
    return this.#metadata;
  }

  get state(): CallState {
    return this.#state;
  }

  get alerting(): boolean {
    return this.#alerting;
  }

  get link(): LinkState {
    return this.#linkState;
  }

  /** By this machine's clock, in milliseconds since the epoch. */
  get connectedAt(): number | undefined {
    return this.#connectedAt;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** While the call is connecting or connected. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.#link?.pc;
  }

  get localStream(): MediaStream | undefined {
    return this.#local.stream;
  }

  get remoteStream(): MediaStream | undefined {
    return this.#link?.remoteStream;
  }

  get muted(): boolean {
    return this.#local.muted;
  }

  get cameraOn(): boolean {
    return this.#local.camera !== undefined;
  }

  /** Answers, with the media that are asked for or with others. Rejects when another device was quicker. */
  accept(media: Media = this.media): Promise<void> {
    if (this.#accepting !== undefined) return this.#accepting;
    if (this.#role !== "callee" || this.#state !== "ringing") {
      return Promise.reject(new RingbackError("invalid_state", "the call does not ring here", { state: this.#state }));
    }
    this.#openMedia(media);
    this.#accepting = this.#accept();
    return this.#accepting;
  }

  /** Refuses, on all devices. */
  reject(reason: "rejected" | "busy" = "rejected"): Promise<void> {
    if (this.#role !== "callee" || this.#state !== "ringing" || this.#accepting !== undefined) return this.end();
    const details = reason === "rejected" ? {} : { reason };
    return this.#leave({ reason }, (call) => ({ type: "call:reject", call, ...details }));
  }

  /** Hangs up, cancels or refuses, as the state of the call has it. Resolves when the gateway knows. */
  end(): Promise<void> {
    if (this.#state !== "ringing") return this.#leave({ reason: "hangup" }, (call) => ({ type: "call:end", call }));
    if (this.#role === "callee" && this.#accepting === undefined) return this.reject();
    return this.#leave({ reason: "cancelled" }, (call) => ({ type: "call:end", call }));
  }

  mute(): void {
    this.#setMuted(true);
  }

  unmute(): void {
    this.#setMuted(false);
  }

  /** Starts or stops the camera. A call that began without video gets it this way. */
  camera(on: boolean): Promise<void> {
    const change = this.#cameraWork.then(() => this.#setCamera(on));
    this.#cameraWork = change.catch(() => undefined);
    return change;
  }

  /** @internal The number of the last event that has arrived. */
  get seq(): number {
    return this.#seq;
  }

  /** @internal Asks for the devices while the call is being placed: it need not wait for them. */
  placing(): void {
    this.#openMedia(this.media);
  }

  /** @internal The call has been placed; as the callee, where the other's call crossed ours. */
  placed(id: string, role: Role): void {
    this.#id = id;
    if (this.#state === "ended") {
      void this.#sayFarewell(id);
      return;
    }
    this.#role = role;
    if (role === "callee") this.#enter(false);
  }

  /** @internal It is from before this page was loaded, and goes on with media of its own. */
  rejoin({ state, created_at }: Snapshot): void {
    this.#openMedia(this.media);
    if (state === "ringing") return;
    this.#enter(true);
    if (state !== "connected") return;
    this.#connected(created_at);
    this.#link?.expect();
  }

  /** @internal The gateway would not have the call. */
  refused(error: RingbackError): void {
    this.#over({ reason: "failed", error });
  }

  /** @internal Events come in order; one that is repeated is not heard again. */
  receive(event: CallEvent): void {
    if (event.seq <= this.#seq) return;
    this.#seq = event.seq;
    switch (event.type) {
      case "call:incoming":
        this.#peer = event.from;
        this.#metadata = event.metadata;
        break;
      case "call:ringing":
        this.#alerting = true;
        this.emit("alerting", true);
        break;
      case "call:accepted":
        this.#accepted(this.#role === "caller" ? event.by.device : undefined);
        break;
      case "call:connected":
        this.#setupMs = event.setup_ms;
        this.#connected();
        break;
      case "call:peer":
        this.#peerAway = event.status === "reconnecting";
        if (event.resumed === false) this.#link?.restart();
        this.#updateLink();
        break;
      case "call:ended":
        this.#over(outcomeOf(event));
        break;
      default:
        this.#link?.receive(event);
    }
  }

  /** @internal The connection is back, and nothing is missing. */
  online(): void {
    this.#link?.online();
  }

  /**
   * @internal Events are missing: the gateway says how the call stands. In a session that is `fresh` we are new to the
   * peer too, who lets go of the peer connection that we had.
   */
  reconcile(snapshot: Snapshot, fresh: boolean): void {
    this.#seq = snapshot.seq;
    if (this.#state === "ended" || snapshot.state === "ringing") return;
    this.#peerAway = false;
    if (this.#link === undefined) this.#accepted(snapshot.peer.device);
    else if (fresh) this.#link.restart();
    else this.#link.reconcile();
    if (snapshot.state === "connected") this.#connected();
    this.#updateLink();
  }

  /** @internal The gateway does not know the call any more, or can't be asked any more. */
  lost(reason: EndReason = "connection_lost"): void {
    this.#over({ reason });
  }

  async #accept(): Promise<void> {
    const request: Request = { type: "call:accept", call: this.#id ?? "" };
    try {
      await insist(this.#context.ask, this.#timers, request, () => this.#state === "ringing");
      this.#accepted();
    } catch (error) {
      // The event that we have won may be here although the reply is not.
      if (this.#state === "connecting" || this.#state === "connected") return;
      if (hasCode(error, "answered_elsewhere")) this.#over({ reason: "answered_elsewhere" });
      // It has ended: how is told by its event.
      else if (!hasCode(error, "invalid_state")) this.#over({ reason: "failed", error: error as RingbackError });
      throw error;
    }
  }

  #openMedia(media: Media): void {
    this.#local.open(media).then(
      () => this.emit("tracks", true),
      () => this.#leaveBecause("media_denied"),
    );
  }

  #accepted(peerDevice?: string): void {
    if (this.#state !== "ringing") return;
    if (peerDevice !== undefined) this.#peer = { user: this.#peer.user, device: peerDevice };
    this.#enter(this.#role === "caller");
  }

  /** Descriptions and candidates can be exchanged from now on. */
  #enter(begins: boolean): void {
    if (this.#id === undefined) return;
    this.#link = new PeerLink({
      platform: this.#context.platform,
      configuration: this.#context.configuration(),
      call: this.#id,
      begins,
      media: this.media,
      local: this.#local,
      ask: this.#context.ask,
      changed: (state) => this.#mediaChanged(state),
      tracks: () => this.emit("tracks", true),
      failed: () => this.#leaveBecause("ice_failed"),
    });
    this.#become("connecting");
  }

  #connected(at = this.#timers.now()): void {
    if (this.#state !== "connecting") return;
    this.#connectedAt = at;
    this.#become("connected");
    this.#updateLink();
  }

  #mediaChanged(state: RTCPeerConnectionState): void {
    if (state === "connected" && !this.#mediaFlowed && this.#id !== undefined) {
      this.#mediaFlowed = true;
      const request: Request = { type: "call:connected", call: this.#id };
      insist(this.#context.ask, this.#timers, request, () => this.#state === "connecting").catch(() => undefined);
    }
    this.#updateLink();
  }

  #updateLink(): void {
    const pc = this.#link?.pc;
    const expected = this.#mediaFlowed || this.#state === "connected";
    const stopped = expected && pc !== undefined && pc.connectionState !== "connected";
    const state = stopped ? "reconnecting" : this.#peerAway ? "peer_reconnecting" : "fine";
    if (state === this.#linkState) return;
    this.#linkState = state;
    this.emit("link", state);
  }

  #setMuted(muted: boolean): void {
    this.#local.muted = muted;
    this.emit("tracks", true);
  }

  async #setCamera(on: boolean): Promise<void> {
    if (!(await this.#local.setCamera(on))) return;
    const { camera, stream } = this.#local;
    if (camera !== undefined && stream !== undefined) await this.#link?.send(camera, stream);
    else await this.#link?.unsend("video");
    this.emit("tracks", true);
  }

  #leaveBecause(reason: "ice_failed" | "media_denied"): void {
    void this.#leave({ reason }, (call) => ({ type: "call:end", call, reason }));
  }

  /** Ends the call here, now, and tells the gateway, however long that takes. */
  #leave(outcome: Outcome, farewell: (call: string) => Request): Promise<void> {
    if (this.#state === "ended") return Promise.resolve();
    this.#farewell = farewell;
    const by = this.#context.me();
    this.#finish({
      ...outcome,
      ...(by === undefined ? {} : { by }),
      ...(this.#setupMs === undefined ? {} : { setupMs: this.#setupMs }),
      ...(this.#connectedAt === undefined ? {} : { durationMs: this.#timers.now() - this.#connectedAt }),
    });
    return this.#id === undefined ? Promise.resolve() : this.#sayFarewell(this.#id);
  }

  async #sayFarewell(id: string): Promise<void> {
    if (this.#farewell !== undefined) {
      // Refused for good means that there is nothing left to end.
      await insist(this.#context.ask, this.#timers, this.#farewell(id)).catch(() => undefined);
    }
    this.#context.settled(this);
  }

  /** The end is no news to the gateway. */
  #over(outcome: Outcome): void {
    this.#finish(outcome);
    this.#context.settled(this);
  }

  #finish(outcome: Outcome): void {
    if (this.#state === "ended") return;
    const report = this.#link?.close();
    this.#link = undefined;
    this.#local.close();
    this.#outcome = outcome;
    this.#become("ended");
    this.emit("ended", outcome);
    if (report !== undefined) void this.#tellOfMedia(report);
  }

  /** Best effort: nobody waits for it. */
  async #tellOfMedia(report: Promise<MediaReport>): Promise<void> {
    const stats = await report;
    const reason = this.#outcome?.reason;
    const failure = this.#mediaFlowed && reason === "hangup" ? {} : { failure: reason };
    if (this.#id === undefined) return;
    const request: Request = { type: "call:report", call: this.#id, stats: { ...stats, ...failure } };
    await this.#context.ask(request).catch(() => undefined);
  }

  #become(state: CallState): void {
    this.#state = state;
    this.emit("state", state);
  }

  get #timers(): Platform["timers"] {
    return this.#context.platform.timers;
  }
}
