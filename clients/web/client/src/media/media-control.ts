import { RingbackError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Media } from "../protocol.ts";
import { LocalMedia, type MediaConstraints, type Source } from "./local-media.ts";

export interface MediaControlOptions {
  platform: Platform;
  constraints: MediaConstraints;
  /** What is sent is another: the peer connection has to know. */
  send: () => Promise<void>;
  changed: () => void;
  /** Something stopped that the person did not stop; the call goes on without it. */
  trouble: (error: RingbackError) => void;
}

/** What a person does with microphone, camera and screen in a call: one thing after the other. */
export class MediaControl {
  readonly local: LocalMedia;
  readonly #options: MediaControlOptions;
  #work: Promise<void> = Promise.resolve();

  constructor(options: MediaControlOptions) {
    this.#options = options;
    this.local = new LocalMedia(options.platform, options.constraints, (source) => this.#lost(source));
  }

  async open(media: Media): Promise<void> {
    await this.local.open(media);
    this.#options.changed();
  }

  setMuted(muted: boolean): void {
    this.local.muted = muted;
    this.#options.changed();
  }

  /** Starts or stops the camera, or the screen. */
  set(source: "camera" | "screen", on: boolean): Promise<void> {
    return this.#do(async () => {
      await this.local.opened();
      if (on === this.local.has(source)) return;
      if (on) await this.local.start(source);
      else this.local.stop(source);
      await this.#sent();
    });
  }

  /** From another device from now on. */
  use(source: "microphone" | "camera", deviceId: string): Promise<void> {
    return this.#do(async () => {
      await this.local.start(source, deviceId);
      await this.#sent();
    });
  }

  close(): void {
    this.local.close();
  }

  /** Who stops to show the screen means it; another microphone is better than none. */
  #lost(source: Source): void {
    const replace = async () => {
      if (source === "microphone") await this.local.start(source).catch(() => undefined);
      await this.#sent();
      if (source === "screen" || this.local.has(source)) return;
      this.#options.trouble(new RingbackError("device_lost", `the ${source} is gone`));
    };
    this.#do(replace).catch(() => undefined);
  }

  async #sent(): Promise<void> {
    await this.#options.send();
    this.#options.changed();
  }

  #do(action: () => Promise<void>): Promise<void> {
    const done = this.#work.then(action);
    this.#work = done.catch(() => undefined);
    return done;
  }
}
