import { FakeStream, FakeTrack } from "./fake-media.ts";
import { FakeTarget } from "./fake-target.ts";

interface Description {
  type: "offer" | "answer" | "rollback";
  sdp?: string;
}

class FakeTransceiver {
  readonly receiver: { track: FakeTrack };
  readonly sender = {
    track: null as FakeTrack | null,
    replaceTrack: async (track: FakeTrack | null) => void (this.sender.track = track),
    setStreams: () => undefined,
  };
  readonly #changed: () => void;
  #direction: RTCRtpTransceiverDirection;

  constructor(kind: string, direction: RTCRtpTransceiverDirection, changed: () => void) {
    this.receiver = { track: new FakeTrack(kind) };
    this.#direction = direction;
    this.#changed = changed;
  }

  get direction(): RTCRtpTransceiverDirection {
    return this.#direction;
  }

  set direction(direction: RTCRtpTransceiverDirection) {
    if (direction === this.#direction) return;
    this.#direction = direction;
    this.#changed();
  }
}

/**
 * The signaling half of a peer connection: states, descriptions, "negotiation needed", by the W3C's rules. Its offers
 * say what is in them: `offer 1 audio video restart`.
 */
export class FakePeerConnection extends FakeTarget {
  static readonly made: FakePeerConnection[] = [];
  /** The browser has something against its configuration. */
  static refusing = false;

  configuration: RTCConfiguration;
  readonly candidates: (RTCIceCandidateInit | null)[] = [];
  /** What has been done to it, in order. */
  readonly log: string[] = [];
  signalingState: RTCSignalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  stats = new Map<string, object>();
  /** It can't go on with anything. */
  breaks = false;
  #stable: { local: Description | null; remote: Description | null } = { local: null, remote: null };
  #transceivers: FakeTransceiver[] = [];
  #needed = false;
  #restart = false;
  #fires = false;
  #descriptions = 0;

  constructor(configuration: RTCConfiguration) {
    super();
    if (FakePeerConnection.refusing) throw new DOMException("no such policy", "SyntaxError");
    this.configuration = configuration;
    FakePeerConnection.made.push(this);
  }

  addTrack(track: FakeTrack): void {
    const transceiver = this.#add(track.kind, "sendrecv");
    transceiver.sender.track = track;
  }

  addTransceiver(kind: string, { direction }: { direction: RTCRtpTransceiverDirection }): void {
    this.#add(kind, direction);
  }

  getTransceivers(): FakeTransceiver[] {
    return [...this.#transceivers];
  }

  get sending(): string[] {
    return this.#transceivers.flatMap(({ sender }) => (sender.track === null ? [] : [sender.track.kind]));
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.#check();
    this.configuration = configuration;
  }

  restartIce(): void {
    this.#check();
    this.#restart = true;
    this.#need();
  }

  async setLocalDescription(given?: Description): Promise<void> {
    this.#check();
    await Promise.resolve();
    const type = given?.type ?? (this.signalingState === "have-remote-offer" ? "answer" : "offer");
    this.log.push(`local ${type}`);
    if (type === "rollback") {
      this.#is("have-local-offer");
      ({ local: this.localDescription, remote: this.remoteDescription } = this.#stable);
      this.signalingState = "stable";
      this.#need();
      return;
    }
    this.#descriptions += 1;
    const kinds = this.#transceivers.map(({ receiver }) => receiver.track.kind);
    const sdp = [type, this.#descriptions, ...kinds, ...(this.#restart ? ["restart"] : [])].join(" ");
    this.#needed = false;
    if (type === "offer") {
      this.#is("stable", "have-local-offer");
      this.signalingState = "have-local-offer";
    } else {
      this.#is("have-remote-offer");
      this.signalingState = "stable";
      this.#restart = false;
    }
    this.localDescription = { type, sdp };
    this.#settled();
  }

  async setRemoteDescription(description: Description): Promise<void> {
    this.#check();
    await Promise.resolve();
    this.log.push(`remote ${description.type}`);
    if (this.breaks || description.sdp === "broken") throw new DOMException("can't be parsed", "OperationError");
    if (description.type === "offer") {
      this.signalingState = "have-remote-offer";
      for (const kind of ["audio", "video"]) {
        const known = this.#transceivers.some(({ receiver }) => receiver.track.kind === kind);
        if (description.sdp?.includes(kind) && !known) this.#add(kind, "recvonly");
      }
    } else {
      this.#is("have-local-offer");
      this.signalingState = "stable";
      this.#restart = false;
    }
    this.remoteDescription = description;
    this.#settled();
  }

  async addIceCandidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    this.#check();
    if (this.remoteDescription === null) throw new DOMException("no remote description", "InvalidStateError");
    if (candidate?.candidate === "misfit") throw new DOMException("does not fit", "OperationError");
    this.candidates.push(candidate);
  }

  async getStats(): Promise<Map<string, object>> {
    this.#check();
    return this.stats;
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
  }

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.fire("connectionstatechange");
  }

  finds(...candidates: (string | null)[]): void {
    for (const text of candidates) {
      const candidate = text === null ? null : { candidate: text, toJSON: () => ({ candidate: text, sdpMid: "0" }) };
      this.fire("icecandidate", { candidate });
    }
  }

  brings(stream: FakeStream): void {
    for (const track of stream.getTracks()) this.fire("track", { track, streams: [stream] });
  }

  #add(kind: string, direction: RTCRtpTransceiverDirection): FakeTransceiver {
    this.#check();
    const transceiver = new FakeTransceiver(kind, direction, () => this.#need());
    this.#transceivers.push(transceiver);
    this.#need();
    return transceiver;
  }

  #need(): void {
    this.#needed = true;
    this.#ask();
  }

  #settled(): void {
    if (this.signalingState !== "stable") return;
    this.#stable = { local: this.localDescription, remote: this.remoteDescription };
    this.#ask();
  }

  #ask(): void {
    if (this.#fires || this.signalingState !== "stable") return;
    this.#fires = true;
    queueMicrotask(() => {
      this.#fires = false;
      if (this.#needed && this.signalingState === "stable") this.fire("negotiationneeded");
    });
  }

  #is(...states: RTCSignalingState[]): void {
    if (!states.includes(this.signalingState)) throw new DOMException(`in ${this.signalingState}`, "InvalidStateError");
  }

  #check(): void {
    if (this.signalingState === "closed") throw new DOMException("closed", "InvalidStateError");
  }
}
