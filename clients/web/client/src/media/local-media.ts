import { RingbackError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Media } from "../protocol.ts";

/** Our microphone and camera, for as long as a call needs them. */
export class LocalMedia {
  readonly #getUserMedia: Platform["getUserMedia"];
  #opening: Promise<MediaStream> | undefined;
  #stream: MediaStream | undefined;
  /** Every track that was ever given to us. */
  readonly #tracks: MediaStreamTrack[] = [];
  readonly #abandoned: Promise<never>;
  #abandon: (error: RingbackError) => void = () => undefined;
  #muted = false;
  #closed = false;

  constructor(platform: Platform) {
    this.#getUserMedia = platform.getUserMedia;
    this.#abandoned = new Promise<never>((_, reject) => (this.#abandon = reject));
    this.#abandoned.catch(() => undefined);
  }

  /** Asks for the devices, once. Rejects with `media_denied`, or with `closed` when nobody needs them any more. */
  open(media: Media): Promise<MediaStream> {
    this.#opening ??= this.#open(media);
    return this.#opening;
  }

  get stream(): MediaStream | undefined {
    return this.#stream;
  }

  get muted(): boolean {
    return this.#muted;
  }

  set muted(muted: boolean) {
    this.#muted = muted;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  get camera(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  /** Whether that changed anything. */
  async setCamera(on: boolean): Promise<boolean> {
    const stream = await this.#opening;
    if (stream === undefined) throw new RingbackError("invalid_state", "the call has no media yet");
    if (on === (this.camera !== undefined)) return false;
    if (on) await this.#startCamera(stream);
    else this.#stopCamera(stream);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#abandon(new RingbackError("closed", "the call is over"));
    for (const track of this.#tracks) track.stop();
  }

  async #startCamera(stream: MediaStream): Promise<void> {
    const [track] = (await this.#ask({ video: true })).getVideoTracks();
    if (track === undefined) throw new RingbackError("media_denied", "there is no camera");
    stream.addTrack(track);
  }

  /** Lets go of the camera, so that its light goes off. */
  #stopCamera(stream: MediaStream): void {
    for (const track of stream.getVideoTracks()) {
      track.stop();
      stream.removeTrack(track);
    }
  }

  async #open({ audio, video }: Media): Promise<MediaStream> {
    const stream = await this.#ask({ audio, video }).catch((error: unknown) => {
      // Without a camera, or with one that another program has, a person can talk still. Who said no meant no.
      if (!video || !audio || isRefusal(error)) throw error;
      return this.#ask({ audio });
    });
    this.#stream = stream;
    this.muted = this.#muted;
    return stream;
  }

  /** A person may take their time; the call does not wait for that once it is over. */
  async #ask(constraints: MediaStreamConstraints): Promise<MediaStream> {
    const given = this.#getUserMedia(constraints).then((stream) => this.#take(stream));
    try {
      return await Promise.race([given, this.#abandoned]);
    } catch (cause) {
      if (this.#closed) return this.#abandoned;
      throw new RingbackError("media_denied", "microphone or camera can't be used", { cause });
    }
  }

  #take(stream: MediaStream): MediaStream {
    this.#tracks.push(...stream.getTracks());
    if (this.#closed) this.close();
    return stream;
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof RingbackError)) return false;
  const { cause } = error;
  return error.code === "closed" || (cause instanceof Error && cause.name === "NotAllowedError");
}
