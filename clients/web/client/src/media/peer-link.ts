import type { Ask } from "../signaling/insist.ts";
import type { LocalMedia } from "./local-media.ts";
import { watchGathering } from "./gathering.ts";
import { Negotiation, type NegotiationEvent } from "./negotiation.ts";
import type { Platform, TimerId } from "../platform.ts";
import type { Media } from "../protocol.ts";
import { mediaReport, noStats, readStats, type CallStats, type MediaReport } from "./stats.ts";

export interface PeerLinkOptions {
  platform: Platform;
  configuration: () => RTCConfiguration;
  call: string;
  /** Whether this side makes the first offer. */
  begins: boolean;
  media: Media;
  local: LocalMedia;
  ask: Ask;
  changed: (state: RTCPeerConnectionState) => void;
  /** The peer's stream is there, or one of its tracks has begun or stopped. */
  tracks: () => void;
  failed: (cause: unknown) => void;
  /** There is no way for the media from here, by what a server says if one says something. */
  stranded: (complaint: string | undefined) => void;
}

/** How long the statistics may take. */
const REPORT_LIMIT_MS = 250;

/** The way of the media, from the accept to the end of a call: one peer connection, or one after the other. */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #negotiation: Negotiation;
  #pc: RTCPeerConnection;
  /** All listeners hang on its signal, and go with it. */
  #listening = new AbortController();
  #remote: MediaStream | undefined;
  #sending = false;
  /** Of the path that the media took last: one that is lost has no statistics any more. */
  #lastReport: MediaReport = {};

  constructor(options: PeerLinkOptions) {
    const { platform, call, begins, ask, failed } = options;
    const { timers } = platform;
    this.#options = options;
    this.#pc = this.#open();
    this.#negotiation = new Negotiation({
      pc: () => this.#pc,
      call,
      begins,
      ask,
      timers,
      prepare: () => this.#sendAll(),
      renew: () => this.#replace(),
      failed,
    });
  }

  get pc(): RTCPeerConnection {
    return this.#pc;
  }

  get remoteStream(): MediaStream | undefined {
    return this.#remote;
  }

  receive(event: NegotiationEvent): void {
    this.#negotiation.receive(event);
  }

  /** With the servers that the gateway named last: the credentials of before may have expired. */
  restartIce(): void {
    this.#pc.setConfiguration(this.#options.configuration());
    this.#pc.restartIce();
  }

  /** Events were missed on the way. */
  renegotiate(): void {
    this.#negotiation.repeat();
  }

  /** The other end of it is gone, or does not know us any more. */
  renew(): void {
    this.#negotiation.restart();
  }

  /** What this side sends has changed. A track in the place of another needs no new offer. */
  async update(): Promise<void> {
    if (this.#sending) for (const kind of ["audio", "video"] as const) await this.#send(kind);
  }

  /** Nothing is heard any more, at once. Resolves to what the media were like. */
  async close(): Promise<MediaReport> {
    const { timers } = this.#options.platform;
    this.#listening.abort();
    this.#negotiation.close();
    let limit: TimerId | undefined;
    const nothing = new Promise<MediaReport>((done) => (limit = timers.set(() => done({}), REPORT_LIMIT_MS)));
    // Asked first: a peer connection that is closed may have nothing to say.
    const report = await Promise.race([this.#report().catch(() => ({})), nothing]);
    timers.clear(limit);
    this.#pc.close();
    return { ...this.#lastReport, ...report };
  }

  /** Firefox never answers for a peer connection that is closed meanwhile: then there is nothing to be told. */
  async stats(): Promise<CallStats> {
    const { signal } = this.#listening;
    const asked = new AbortController();
    const gone = new Promise<CallStats>((done) => {
      signal.addEventListener("abort", () => done(noStats()), { signal: asked.signal });
    });
    return Promise.race([readStats(this.#pc), gone]).finally(() => asked.abort());
  }

  async #report(): Promise<MediaReport> {
    return mediaReport(await readStats(this.#pc));
  }

  #changed(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      this.#report().then(
        (report) => (this.#lastReport = report),
        () => undefined,
      );
    }
    this.#options.changed(state);
  }

  #replace(): void {
    this.#listening.abort();
    this.#listening = new AbortController();
    this.#pc.close();
    this.#remote = undefined;
    this.#sending = false;
    this.#pc = this.#open();
    this.#options.changed(this.#pc.connectionState);
    this.#options.tracks();
  }

  /** Its listeners are there before there is anything to be told of: what is missed does not come again. */
  #open(): RTCPeerConnection {
    const pc = new this.#options.platform.RTCPeerConnection(this.#options.configuration());
    const { signal } = this.#listening;
    pc.addEventListener("negotiationneeded", () => this.#negotiation.needed(), { signal });
    pc.addEventListener("icecandidate", ({ candidate }) => this.#negotiation.found(candidate), { signal });
    watchGathering(pc, signal, this.#options.stranded);
    pc.addEventListener("track", (event) => this.#received(event), { signal });
    pc.addEventListener("connectionstatechange", () => this.#changed(pc.connectionState), { signal });
    return pc;
  }

  #received({ track, streams }: RTCTrackEvent): void {
    const { tracks } = this.#options;
    const { signal } = this.#listening;
    this.#remote = streams[0] ?? this.#remote;
    track.addEventListener("mute", tracks, { signal });
    track.addEventListener("unmute", tracks, { signal });
    tracks();
  }

  async #sendAll(): Promise<void> {
    const { local, media } = this.#options;
    await local.open(media);
    this.#sending = true;
    await this.update();
    // Without a camera of our own we want to see the peer all the same.
    const seesNobody = media.video && this.#ofKind("video").length === 0;
    if (seesNobody) this.#pc.addTransceiver("video", { direction: "recvonly" });
  }

  async #send(kind: "audio" | "video"): Promise<void> {
    const { local } = this.#options;
    const track = local.track(kind);
    const places = this.#ofKind(kind);
    const used = places.find(({ sender }) => sender.track !== null);
    if (track === undefined || local.stream === undefined) {
      if (used === undefined) return;
      // The place is kept for the next.
      used.direction = "recvonly";
      await used.sender.replaceTrack(null);
    } else if (used !== undefined) {
      if (used.sender.track !== track) await used.sender.replaceTrack(track);
    } else if (places[0] !== undefined) {
      await places[0].sender.replaceTrack(track);
      places[0].sender.setStreams(local.stream);
      places[0].direction = "sendrecv";
    } else {
      this.#pc.addTrack(track, local.stream);
    }
  }

  #ofKind(kind: string): RTCRtpTransceiver[] {
    return this.#pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === kind);
  }
}
