import { FakeTarget } from "./fake-target.ts";

export class FakeTrack extends FakeTarget {
  enabled = true;
  muted = false;
  readyState: "live" | "ended" = "live";
  readonly kind: string;
  readonly #deviceId: string | undefined;

  constructor(kind: string, deviceId?: string) {
    super();
    this.kind = kind;
    this.#deviceId = deviceId;
  }

  getSettings(): MediaTrackSettings {
    return this.#deviceId === undefined ? {} : { deviceId: this.#deviceId };
  }

  stop(): void {
    this.readyState = "ended";
  }

  /** Unplugged, or ended in the browser's own controls. */
  vanishes(): void {
    this.readyState = "ended";
    this.fire("ended");
  }
}

export class FakeStream {
  #tracks: FakeTrack[];

  constructor(...kinds: string[]) {
    this.#tracks = kinds.map((kind) => new FakeTrack(kind));
  }

  getTracks(): FakeTrack[] {
    return [...this.#tracks];
  }

  getAudioTracks(): FakeTrack[] {
    return this.#tracks.filter(({ kind }) => kind === "audio");
  }

  getVideoTracks(): FakeTrack[] {
    return this.#tracks.filter(({ kind }) => kind === "video");
  }

  addTrack(track: FakeTrack): void {
    this.#tracks.push(track);
  }

  removeTrack(track: FakeTrack): void {
    this.#tracks = this.#tracks.filter((other) => other !== track);
  }
}

/** Microphone and camera, and the person who is asked for them. */
export class FakeDevices {
  readonly given: FakeStream[] = [];
  readonly asked: MediaStreamConstraints[] = [];
  readonly #tracks: FakeTrack[] = [];
  /** Fails so for what asks for this. */
  failing: { video?: string; audio?: string; screen?: string } = {};
  /** Devices that have been unplugged, by their ids. */
  readonly missing = new Set<string>();
  #isBusy = () => false;
  /** The person does not answer yet. */
  hesitation: Promise<void> = Promise.resolve();

  readonly getUserMedia = async (constraints: MediaStreamConstraints): Promise<MediaStream> => {
    this.asked.push(constraints);
    await this.hesitation;
    if (this.#isBusy()) throw new DOMException("busy", "NotReadableError");
    const name = (constraints.video && this.failing.video) || (constraints.audio && this.failing.audio);
    if (name) throw new DOMException("no", name);
    if ([constraints.audio, constraints.video].some((kind) => kind && this.missing.has(wanted(kind)))) throw new DOMException("gone", "OverconstrainedError");
    const kinds = (["audio", "video"] as const).filter((kind) => constraints[kind]);
    const stream = new FakeStream();
    for (const kind of kinds) stream.addTrack(new FakeTrack(kind, wanted(constraints[kind])));
    this.given.push(stream);
    this.#tracks.push(...stream.getTracks());
    return stream as unknown as MediaStream;
  };

  readonly getDisplayMedia = async (): Promise<MediaStream> => {
    if (this.failing.screen) throw new DOMException("no", this.failing.screen);
    const stream = new FakeStream("video");
    this.given.push(stream);
    this.#tracks.push(...stream.getTracks());
    return stream as unknown as MediaStream;
  };

  /** Another device can be had only then. */
  busyUnless(free: () => boolean): void {
    this.#isBusy = () => !free();
  }

  get listening(): number {
    return this.#tracks.reduce((sum, { listening }) => sum + listening, 0);
  }

  get live(): number {
    return this.#tracks.filter(({ readyState }) => readyState === "live").length;
  }
}

/** The device that is asked for, or the usual one of this kind. */
function wanted(constraints: MediaTrackConstraints | boolean | undefined): string {
  const id = typeof constraints === "object" ? (constraints.deviceId as ConstrainDOMStringParameters | undefined)?.exact : undefined;
  return typeof id === "string" ? id : "default";
}
