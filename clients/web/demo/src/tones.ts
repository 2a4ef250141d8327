interface Beep {
  /** Seconds from the beginning of the pattern. */
  at: number;
  length: number;
  pitches: number[];
}

interface Pattern {
  /** Seconds until it begins again. */
  period: number;
  volume: number;
  beeps: Beep[];
}

/** What the caller hears while it rings over there: two pitches, long pauses. */
const RINGBACK: Pattern = { period: 4, volume: 0.05, beeps: [{ at: 0, length: 1.2, pitches: [440, 480] }] };

/** What the callee hears: a rising third, twice. */
const RING: Pattern = {
  period: 3,
  volume: 0.12,
  beeps: [0, 0.7].flatMap((at) => [
    { at, length: 0.22, pitches: [587, 1174] },
    { at: at + 0.24, length: 0.3, pitches: [740, 1480] },
  ]),
};

const PATTERNS = { ring: RING, ringback: RINGBACK };
export type ToneName = keyof typeof PATTERNS;

/** Plays a tone over and over, made on the spot. Browsers are silent until the person has touched the page. */
export class Tones {
  #context: AudioContext | undefined;
  #playing: { name: ToneName; gain: GainNode; timer: ReturnType<typeof setInterval> } | undefined;

  constructor() {
    for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, () => void this.#wake());
  }

  play(name: ToneName | undefined): void {
    if (name === this.#playing?.name) return;
    this.#stop();
    if (name === undefined) return;
    const context = (this.#context ??= new AudioContext());
    void this.#wake();
    const pattern = PATTERNS[name];
    const gain = new GainNode(context, { gain: pattern.volume });
    gain.connect(context.destination);
    const once = () => {
      // While it is suspended its time stands still: what were scheduled then would sound all at once.
      if (context.state === "running") for (const beep of pattern.beeps) schedule(context, gain, beep);
    };
    once();
    this.#playing = { name, gain, timer: setInterval(once, pattern.period * 1000) };
  }

  #stop(): void {
    if (this.#playing === undefined || this.#context === undefined) return;
    const { gain, timer } = this.#playing;
    this.#playing = undefined;
    clearInterval(timer);
    // Not cut off: that would click.
    gain.gain.setTargetAtTime(0, this.#context.currentTime, 0.02);
    setTimeout(() => gain.disconnect(), 200);
  }

  async #wake(): Promise<void> {
    if (this.#context?.state === "suspended") await this.#context.resume().catch(() => undefined);
  }
}

function schedule(context: AudioContext, output: AudioNode, { at, length, pitches }: Beep): void {
  const start = context.currentTime + 0.05 + at;
  for (const frequency of pitches) {
    const envelope = new GainNode(context, { gain: 0 });
    envelope.gain.setValueAtTime(0, start);
    envelope.gain.linearRampToValueAtTime(1, start + 0.02);
    envelope.gain.setValueAtTime(1, start + length - 0.08);
    envelope.gain.linearRampToValueAtTime(0, start + length);
    const oscillator = new OscillatorNode(context, { frequency });
    oscillator.connect(envelope).connect(output);
    oscillator.start(start);
    oscillator.stop(start + length);
  }
}
