import { FakeTarget } from "./fake-target.ts";

export class FakeTrack extends FakeTarget {
  enabled = true;
  muted = false;
  readyState: "live" | "ended" = "live";
  readonly kind: string;

  constructor(kind: string) {
    super();
    this.kind = kind;
  }

  stop(): void {
    this.readyState = "ended";
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
  failing: { video?: string; audio?: string } = {};
  /** The person does not answer yet. */
  hesitation: Promise<void> = Promise.resolve();

  readonly getUserMedia = async (constraints: MediaStreamConstraints): Promise<MediaStream> => {
    this.asked.push(constraints);
    await this.hesitation;
    const name = (constraints.video && this.failing.video) || (constraints.audio && this.failing.audio);
    if (name) throw new DOMException("no", name);
    const kinds = [...(constraints.audio ? ["audio"] : []), ...(constraints.video ? ["video"] : [])];
    const stream = new FakeStream(...kinds);
    this.given.push(stream);
    this.#tracks.push(...stream.getTracks());
    return stream as unknown as MediaStream;
  };

  get live(): number {
    return this.#tracks.filter(({ readyState }) => readyState === "live").length;
  }
}
