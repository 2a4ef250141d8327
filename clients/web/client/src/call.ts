import { CallTimers } from "./call-timers.ts";
import { step } from "./core/call-machine.ts";
import {
  canAccept,
  linkOf,
  newCall,
  type CallEffect,
  type CallInput,
  type CallModel,
  type CallOptions,
  type CallState,
  type LinkState,
  type Peer,
} from "./core/call-model.ts";
import type { Outcome } from "./core/outcome.ts";
import { Emitter } from "./emitter.ts";
import { RingbackError } from "./errors.ts";
import type { MediaConstraints } from "./media/local-media.ts";
import { KeptChoices } from "./media/kept-choices.ts";
import { MediaControl } from "./media/media-control.ts";
import { PeerLink } from "./media/peer-link.ts";
import { noStats, type CallStats, type MediaReport } from "./media/stats.ts";
import type { Platform } from "./platform.ts";
import type { Endpoint, Media, Request, Role } from "./protocol.ts";
import { Settlement } from "./settlement.ts";
import type { Ask } from "./signaling/insist.ts";

export interface CallEvents {
  state: CallState;
  /** The caller learns that a device of the callee rings. */
  alerting: true;
  /** It is answered here, and the gateway has not said yet whether that was first. */
  answering: true;
  link: LinkState;
  /** One of the streams, or what is in it, has changed. */
  tracks: true;
  /** Something of ours stopped without the person's doing (`device_lost`); the call goes on without it. */
  trouble: RingbackError;
  ended: Outcome;
}

/** What a call needs of its client. */
export interface CallContext {
  platform: Platform;
  ask: Ask;
  configuration: () => RTCConfiguration;
  constraints: MediaConstraints;
  me: () => Endpoint | undefined;
  /** The call has got its id. */
  named: (call: Call, id: string) => void;
  /** There is nothing more to be said about this call, to nobody. */
  settled: (call: Call) => void;
}

/** How long `end` waits for the gateway. */
const FAREWELL_LIMIT_MS = 10_000;

/**
 * One call, from the first ring to its end. What happens is decided by the rules in `core`; here it is done. It follows the
 * gateway's events; only an end of ours does not wait.
 */
export class Call extends Emitter<CallEvents> {
  readonly #context: CallContext;
  readonly #media: MediaControl;
  readonly #timers: CallTimers;
  readonly #choices: KeptChoices;
  #model: CallModel;
  #link: PeerLink | undefined;
  /** Inputs that came while another was being worked on. */
  readonly #inputs: CallInput[] = [];
  #stepping = false;
  #answer: Settlement | undefined;
  readonly #settled = new Settlement();
  /** Ends the waiting of a `call:init` that has not gone out. */
  readonly #placing = new AbortController();

  /** @internal Made by the client: see `RingbackClient.call` and its event `incoming`. */
  constructor(context: CallContext, options: CallOptions) {
    super();
    this.#context = context;
    this.#media = new MediaControl({
      platform: context.platform,
      constraints: context.constraints,
      send: async () => this.#link?.update(),
      changed: () => this.#mediaChanged(),
      trouble: (error) => this.emit("trouble", error),
    });
    this.#choices = new KeptChoices(context.platform.storage);
    this.#timers = new CallTimers(context.platform.timers, (name) => this.take({ type: "timer", name }));
    this.#model = newCall(options);
  }

  /** Absent until the gateway has taken the call. */
  get id(): string | undefined {
    return this.#model.id;
  }

  /** May change once: when both called each other, one of them becomes the callee. */
  get role(): Role {
    return this.#model.role;
  }

  get peer(): Peer {
    return this.#model.peer;
  }

  /** What the caller proposes. */
  get media(): Media {
    return this.#model.media;
  }

  get metadata(): unknown {
    return this.#model.metadata;
  }

  get state(): CallState {
    return this.#model.state;
  }

  get alerting(): boolean {
    return this.#model.alerting;
  }

  /** It is answered here; until the gateway has said whether that was first it goes on `ringing`. */
  get answering(): boolean {
    return this.#model.answering;
  }

  get link(): LinkState {
    return linkOf(this.#model);
  }

  /** By this machine's clock, in milliseconds since the epoch. */
  get connectedAt(): number | undefined {
    return this.#model.connectedAt;
  }

  get outcome(): Outcome | undefined {
    return this.#model.outcome;
  }

  /** While the call is connecting or connected. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.#link?.pc;
  }

  get localStream(): MediaStream | undefined {
    return this.#media.local.stream;
  }

  get remoteStream(): MediaStream | undefined {
    return this.#link?.remoteStream;
  }

  get muted(): boolean {
    return this.#media.local.muted;
  }

  get cameraOn(): boolean {
    return this.#media.local.has("camera");
  }

  get screenOn(): boolean {
    return this.#media.local.has("screen");
  }

  /** Answers, with the media that are asked for or with others. Rejects when another device was quicker, or the call is over. */
  accept(media: Media = this.media): Promise<void> {
    if (this.#answer !== undefined) return this.#answer.promise;
    if (!canAccept(this.#model)) {
      return Promise.reject(new RingbackError("invalid_state", "the call does not ring here", { state: this.state }));
    }
    this.#answer = new Settlement();
    this.take({ type: "accept", media });
    this.emit("answering", true);
    return this.#answer.promise;
  }

  /** Refuses, on all devices. */
  reject(reason: "rejected" | "busy" = "rejected"): Promise<void> {
    this.take({ type: "reject", reason });
    return this.#gone();
  }

  /** Hangs up, cancels or refuses, as the state of the call has it: at once here. Resolves when the gateway knows, or after 10 s. */
  end(): Promise<void> {
    this.take({ type: "end" });
    return this.#gone();
  }

  mute(): void {
    this.#media.setMuted(true);
  }

  unmute(): void {
    this.#media.setMuted(false);
  }

  /** Starts or stops the camera. A call that began without video gets it this way. */
  camera(on: boolean): Promise<void> {
    return this.#media.set("camera", on);
  }

  /** Shows the screen in the place of the camera, or stops that. To be called from a click: browsers want one. */
  shareScreen(on: boolean): Promise<void> {
    return this.#media.set("screen", on);
  }

  /** Takes another microphone, by its `deviceId`; the one in use goes on until the new one is there. */
  useMicrophone(deviceId: string): Promise<void> {
    return this.#media.use("microphone", deviceId);
  }

  /** Takes another camera, by its `deviceId`. */
  useCamera(deviceId: string): Promise<void> {
    return this.#media.use("camera", deviceId);
  }

  /** What the media are like now. Empty without a peer connection. */
  stats(): Promise<CallStats> {
    return this.#link?.stats() ?? Promise.resolve(noStats());
  }

  /** @internal The number of the last event that has arrived. */
  get seq(): number {
    return this.#model.seq;
  }

  /** @internal It rings here, and nobody has answered here. */
  get isUnanswered(): boolean {
    return canAccept(this.#model);
  }

  /** @internal One thing after the other, in the order in which they happen. */
  take(input: CallInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    this.#stepping = false;
  }

  #step(input: CallInput): void {
    const { call, effects } = step(this.#model, input, { at: this.#context.platform.timers.now(), me: this.#context.me() });
    this.#model = call;
    for (const effect of effects) {
      try {
        this.#perform(effect);
      } catch (cause) {
        // The browser will not have it (a configuration that makes no sense, for one): without media there is no call.
        const error = new RingbackError("media_failed", "the media can't be set up", { cause });
        this.#inputs.push({ type: "failed", reason: "ice_failed", error });
      }
    }
  }

  #perform(effect: CallEffect): void {
    switch (effect.type) {
      case "ask":
        return this.#ask(effect.request);
      case "withdraw":
        return this.#placing.abort();
      case "named":
        return this.#context.named(this, effect.id);
      case "capture":
        return this.#capture(effect.media);
      case "connect":
        return this.#connect(effect.begins);
      case "signal":
        return this.#link?.receive(effect.event);
      case "restart-ice":
        return this.#link?.restartIce();
      case "renew":
        return this.#link?.renew();
      case "renegotiate":
        return this.#link?.renegotiate();
      case "start":
        return this.#timers.start(effect.timer, effect.ms);
      case "stop":
        return this.#timers.stop(effect.timer);
      case "release":
        return this.#release();
      case "tell":
        return this.#tell(effect.news);
      case "settled":
        this.#settled.resolve();
        return this.#context.settled(this);
    }
  }

  #ask(request: Request): void {
    const to = request.type;
    this.#context.ask(request, to === "call:init" ? this.#placing.signal : undefined).then(
      (ack) => this.take({ type: "reply", to, ack }),
      (error: RingbackError) => this.take({ type: "refusal", to, error }),
    );
  }

  /** As the person had it before the page was loaded anew, if it was. */
  #capture(media: Media): void {
    const kept = this.id === undefined ? undefined : this.#choices.of(this.id);
    if (kept?.muted) this.#media.local.muted = true;
    this.#media.open({ ...media, video: kept?.camera ?? media.video }).catch((error: RingbackError) => this.take({ type: "failed", reason: "media_denied", error }));
  }

  #mediaChanged(): void {
    if (this.id !== undefined && this.state !== "ended") this.#choices.keep(this.id, { muted: this.muted, camera: this.cameraOn });
    this.emit("tracks", true);
  }

  #connect(begins: boolean): void {
    this.#link = new PeerLink({
      platform: this.#context.platform,
      configuration: this.#context.configuration,
      call: this.#model.id ?? "",
      begins,
      media: this.media,
      local: this.#media.local,
      ask: this.#context.ask,
      changed: (state) => this.take({ type: "transport", state }),
      tracks: () => this.emit("tracks", true),
      failed: (cause) => {
        const error = new RingbackError("media_failed", "the two sides can't agree on media", { cause });
        this.take({ type: "failed", reason: "ice_failed", error });
      },
      stranded: (complaint) => this.#stranded(complaint),
    });
  }

  /** The browser waits on where it has no candidate. Media that have flowed before may yet come back: the network is another for a moment. */
  #stranded(complaint = "there is no network, or no server answers"): void {
    if (this.state !== "connecting" || this.#model.mediaFlowed) return;
    const error = new RingbackError("media_failed", `there is no way for the media (${complaint})`);
    this.take({ type: "failed", reason: "ice_failed", error });
  }

  #release(): void {
    this.#timers.stopAll();
    if (this.id !== undefined) this.#choices.forget(this.id);
    this.#media.close();
    const report = this.#link?.close();
    this.#link = undefined;
    if (report !== undefined) void this.#tellOfMedia(report);
  }

  #tell(news: "state" | "alerting" | "link" | "ended"): void {
    const { state, outcome } = this.#model;
    switch (news) {
      case "state":
        this.#settleAnswer();
        return this.emit("state", state);
      case "link":
        return this.emit("link", this.link);
      case "ended":
        return outcome === undefined ? undefined : this.emit("ended", outcome);
      case "alerting":
        return this.emit("alerting", true);
    }
  }

  #settleAnswer(): void {
    const { state, outcome } = this.#model;
    if (state !== "ended") this.#answer?.resolve();
    else this.#answer?.reject(outcome?.error ?? answerError(outcome));
  }

  /** Best effort: nobody waits for it. */
  async #tellOfMedia(report: Promise<MediaReport>): Promise<void> {
    const { id, outcome, mediaFlowed } = this.#model;
    const failure = mediaFlowed && outcome?.reason === "hangup" ? {} : { failure: outcome?.reason };
    const cause = outcome?.error === undefined ? {} : { error: outcome.error.code, detail: outcome.error.message };
    const stats = { ...(await report), ...failure, ...cause };
    if (id !== undefined) await this.#context.ask({ type: "call:report", call: id, stats }).catch(() => undefined);
  }

  #gone(): Promise<void> {
    const { timers } = this.#context.platform;
    const limit = timers.set(() => this.#settled.resolve(), FAREWELL_LIMIT_MS);
    return this.#settled.promise.finally(() => timers.clear(limit));
  }
}

function answerError(outcome: Outcome | undefined): RingbackError {
  const code = outcome?.reason === "answered_elsewhere" ? "answered_elsewhere" : "invalid_state";
  return new RingbackError(code, `the call is over: ${outcome?.reason ?? "unknown"}`, { state: "ended" });
}
