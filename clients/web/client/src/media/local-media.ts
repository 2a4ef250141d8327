import { RingbackError, hasCode } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Media } from "../protocol.ts";
import { Capture } from "./capture.ts";

/** What is asked of the devices beside that they are there. */
export interface MediaConstraints {
  audio?: MediaTrackConstraints;
  video?: MediaTrackConstraints;
}

export type Source = "microphone" | "camera" | "screen";

/** Our microphone, camera and screen, for as long as a call needs them. Of camera and screen the screen is seen. */
export class LocalMedia {
  readonly #constraints: MediaConstraints;
  readonly #capture: Capture;
  /** A source stopped by itself: unplugged, taken away, or ended in the browser's own controls. */
  readonly #lost: (source: Source) => void;
  readonly #sources = new Map<Source, { track: MediaStreamTrack; watch: AbortController }>();
  #opening: Promise<MediaStream> | undefined;
  #stream: MediaStream | undefined;
  #muted = false;

  constructor(platform: Platform, constraints: MediaConstraints, lost: (source: Source) => void) {
    this.#constraints = constraints;
    this.#capture = new Capture(platform);
    this.#lost = lost;
  }

  /** Asks for the devices, once. Rejects with why they can't be had, or with `closed` when nobody needs them any more. */
  open(media: Media): Promise<MediaStream> {
    this.#opening ??= this.#open(media);
    return this.#opening;
  }

  /** Settles as `open` did; rejects where that was never asked for. */
  async opened(): Promise<MediaStream> {
    if (this.#opening === undefined) throw new RingbackError("invalid_state", "the call has no media yet");
    return this.#opening;
  }

  get stream(): MediaStream | undefined {
    return this.#stream;
  }

  has(source: Source): boolean {
    return this.#sources.has(source);
  }

  /** What the peer is to get of this kind. */
  track(kind: "audio" | "video"): MediaStreamTrack | undefined {
    const sources = kind === "audio" ? (["microphone"] as const) : (["screen", "camera"] as const);
    return sources.map((source) => this.#sources.get(source)?.track).find((track) => track !== undefined);
  }

  get muted(): boolean {
    return this.#muted;
  }

  set muted(muted: boolean) {
    this.#muted = muted;
    const microphone = this.#sources.get("microphone");
    if (microphone !== undefined) microphone.track.enabled = !muted;
  }

  /** Starts a source, or starts it anew with another device; the one before goes on until the new one is there. */
  async start(source: Source, deviceId?: string): Promise<void> {
    const stream = await this.opened();
    const track = await this.#get(source, deviceId).catch((error: unknown) => {
      // Many a phone has one camera at a time.
      if (!this.has(source) || !hasCode(error, "device_in_use")) throw error;
      this.stop(source);
      return this.#get(source, deviceId);
    });
    this.stop(source);
    this.#put(source, track);
    this.#show(stream);
  }

  stop(source: Source): void {
    const present = this.#sources.get(source);
    if (present === undefined) return;
    this.#sources.delete(source);
    present.watch.abort();
    this.#capture.stop(present.track);
    if (this.#stream !== undefined) this.#show(this.#stream);
  }

  close(): void {
    for (const { watch } of this.#sources.values()) watch.abort();
    this.#capture.close();
  }

  async #open({ audio, video }: Media): Promise<MediaStream> {
    const constraints = { ...(audio ? { audio: this.#of("audio") } : {}), ...(video ? { video: this.#of("video") } : {}) };
    const stream = await this.#capture.devices(constraints).catch((error: unknown) => {
      // Without a camera, or with one that another program has, a person can talk still. Who said no meant no.
      if (!video || !audio || !hasCode(error, "device_not_found", "device_in_use")) throw error;
      return this.#capture.devices({ audio: this.#of("audio") });
    });
    this.#stream = stream;
    for (const track of stream.getTracks()) this.#put(track.kind === "audio" ? "microphone" : "camera", track);
    return stream;
  }

  async #get(source: Source, deviceId: string | undefined): Promise<MediaStreamTrack> {
    const stream = await (source === "screen" ? this.#capture.screen() : this.#capture.devices(this.#one(source, deviceId)));
    const [track] = stream.getTracks();
    if (track === undefined) throw new RingbackError("device_not_found", `there is no ${source}`);
    return track;
  }

  #one(source: "microphone" | "camera", deviceId: string | undefined): MediaStreamConstraints {
    const kind = source === "microphone" ? "audio" : "video";
    const usual = this.#constraints[kind];
    if (deviceId === undefined) return { [kind]: usual ?? true };
    return { [kind]: { ...usual, deviceId: { exact: deviceId } } };
  }

  #of(kind: "audio" | "video"): MediaTrackConstraints | true {
    return this.#constraints[kind] ?? true;
  }

  #put(source: Source, track: MediaStreamTrack): void {
    const watch = new AbortController();
    const lost = () => {
      this.stop(source);
      this.#lost(source);
    };
    track.addEventListener("ended", lost, { signal: watch.signal });
    this.#sources.set(source, { track, watch });
    if (source === "microphone") track.enabled = !this.#muted;
  }

  /** The stream has what the peer gets, so that one's own picture is what the other sees. */
  #show(stream: MediaStream): void {
    const wanted = [this.track("audio"), this.track("video")].filter((track) => track !== undefined);
    for (const track of stream.getTracks()) if (!wanted.includes(track)) stream.removeTrack(track);
    for (const track of wanted) if (!stream.getTracks().includes(track)) stream.addTrack(track);
  }
}
