import { RingbackError, type RingbackErrorCode } from "../errors.ts";
import type { Platform } from "../platform.ts";

/** Asks a person for their devices, for as long as a call lives: whatever is given later is let go of at once. */
export class Capture {
  readonly #platform: Platform;
  /** Every track that was ever given. */
  readonly #tracks = new Set<MediaStreamTrack>();
  readonly #abandoned: Promise<never>;
  #abandon: (error: RingbackError) => void = () => undefined;
  #closed = false;

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#abandoned = new Promise<never>((_, reject) => (this.#abandon = reject));
    this.#abandoned.catch(() => undefined);
  }

  devices(constraints: MediaStreamConstraints): Promise<MediaStream> {
    return this.#ask(() => this.#platform.getUserMedia(constraints));
  }

  screen(): Promise<MediaStream> {
    return this.#ask(() => this.#platform.getDisplayMedia({ video: true }));
  }

  /** Lets go of a track, so that the light of its device goes off. */
  stop(track: MediaStreamTrack): void {
    track.stop();
    this.#tracks.delete(track);
  }

  close(): void {
    this.#closed = true;
    this.#abandon(new RingbackError("closed", "the call is over"));
    for (const track of [...this.#tracks]) this.stop(track);
  }

  /** A person may take their time; the call does not wait for that once it is over. */
  async #ask(get: () => Promise<MediaStream>): Promise<MediaStream> {
    const given = get().then((stream) => this.#take(stream));
    try {
      return await Promise.race([given, this.#abandoned]);
    } catch (cause) {
      if (this.#closed) return this.#abandoned;
      throw captureError(cause);
    }
  }

  #take(stream: MediaStream): MediaStream {
    for (const track of stream.getTracks()) this.#tracks.add(track);
    if (this.#closed) this.close();
    return stream;
  }
}

/** Why a device can't be had (Media Capture and Streams, section 10.2), in a word that an application can switch on. */
const REASONS: Record<string, [RingbackErrorCode, string]> = {
  NotAllowedError: ["permission_denied", "microphone or camera are not allowed"],
  SecurityError: ["permission_denied", "microphone or camera are not allowed on this page"],
  NotFoundError: ["device_not_found", "there is no such microphone or camera"],
  OverconstrainedError: ["device_not_found", "no microphone or camera is as is asked for"],
  NotReadableError: ["device_in_use", "microphone or camera is in use by another program"],
  AbortError: ["device_in_use", "microphone or camera can't be started"],
  // `mediaDevices` is missing on pages that are not secure.
  TypeError: ["not_supported", "microphone and camera need a secure page (https)"],
};

export function captureError(cause: unknown): RingbackError {
  const [code, message] = (cause instanceof Error && REASONS[cause.name]) || (["media_failed", "the media can't be used"] as const);
  return new RingbackError(code, message, { cause });
}
