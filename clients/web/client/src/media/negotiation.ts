import { RingbackError, hasCode } from "../errors.ts";
import { insist, type Ask } from "../signaling/insist.ts";
import { OwnCandidates } from "./own-candidates.ts";
import type { Timers } from "../platform.ts";
import type { CallEvent, Candidate } from "../protocol.ts";

export type NegotiationEvent = Extract<CallEvent, { type: `webrtc:${string}` }>;

export interface NegotiationOptions {
  pc: () => RTCPeerConnection;
  call: string;
  /** Whether this side makes the first offer. */
  begins: boolean;
  ask: Ask;
  timers: Timers;
  /** Adds what is to be sent; asked once for each peer connection, before the first description of ours. */
  prepare: () => Promise<void>;
  /** Puts a new peer connection in the place of the present one. */
  renew: () => void;
  /** The two sides can't come to terms. */
  failed: (error: unknown) => void;
}

/**
 * Offers, answers and candidates of one call, one step after the other. It is the "perfect negotiation" of W3C WebRTC,
 * where not the two sides but the gateway says who yields: whose offer gets the error `glare`.
 */
export class Negotiation {
  readonly #options: NegotiationOptions;
  readonly #own: OwnCandidates;
  /** The peer's candidates that came ahead of any description of the peer's. */
  #early: Candidate[] = [];
  #steps: Promise<void> = Promise.resolve();
  #mayOffer: boolean;
  #prepared = false;
  /** Our offer lost against the peer's, which is on its way. */
  #yielding = false;
  /** The next answer belongs to an offer of ours that does not count any more. */
  #stale = false;
  /** The gateway has not taken our offer, as an earlier one of ours is open still. */
  #refused = false;
  /** A new peer connection has been tried already, as the one before could not go on. */
  #startedOver = false;
  #closed = false;

  constructor(options: NegotiationOptions) {
    this.#options = options;
    this.#mayOffer = options.begins;
    this.#own = new OwnCandidates(options.timers, (candidates) => {
      const { ask, call } = this.#options;
      // Any single one may be missing: connectivity checks do with those that arrive.
      ask({ type: "webrtc:ice", call, candidates }).catch(() => undefined);
    });
    if (options.begins) this.#step(() => this.#prepare());
  }

  /** The peer connection wants a new offer. */
  needed(): void {
    this.#step(() => this.#offer());
  }

  found(candidate: RTCIceCandidate | null): void {
    if (!this.#closed) this.#own.add(candidate);
  }

  receive(event: NegotiationEvent): void {
    if (event.type === "webrtc:offer") this.#step(() => this.#answerSomehow(event.sdp, event.seq));
    else if (event.type === "webrtc:answer") this.#step(() => this.#concludeSomehow(event.sdp));
    else this.#step(() => this.#addAll(event.candidates));
  }

  /** Events are missing: an offer whose answer may be among them is made again, and else a new one, for new routes. */
  repeat(): void {
    this.#yielding = false;
    this.#step(async () => {
      const { signalingState, connectionState } = this.#pc;
      if (signalingState === "have-local-offer") await this.#sendOffer();
      else if (connectionState === "connected") this.#pc.restartIce();
    });
  }

  /** The peer's peer connection is gone: it takes new ones on both sides, and then either may offer. */
  restart(): void {
    this.#step(async () => {
      if (this.#pc.signalingState === "have-local-offer") this.#stale = true;
      await this.#renew();
    });
  }

  close(): void {
    this.#closed = true;
    this.#own.discard();
  }

  get #pc(): RTCPeerConnection {
    return this.#options.pc();
  }

  #step(action: () => Promise<void>): void {
    this.#steps = this.#steps.then(async () => {
      if (this.#closed) return;
      try {
        await action();
      } catch (error) {
        if (!this.#closed) this.#options.failed(error);
      }
    });
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    this.#prepared = true;
    await this.#options.prepare();
  }

  /** With what is to be sent, which makes the new peer connection want an offer. */
  async #renew(): Promise<void> {
    this.#abandon();
    this.#mayOffer = true;
    await this.#prepare();
  }

  #abandon(): void {
    this.#yielding = this.#refused = this.#prepared = false;
    this.#early = [];
    this.#own.discard();
    this.#options.renew();
  }

  async #offer(): Promise<void> {
    const pc = this.#pc;
    // The callee begins with an answer. And where a description is open, the browser asks again once it is settled.
    const begun = this.#mayOffer || pc.remoteDescription !== null;
    if (!begun || this.#yielding || pc.signalingState !== "stable") return;
    await pc.setLocalDescription();
    await this.#sendOffer();
  }

  /** No other step is taken until the gateway has said whether the offer stands. */
  async #sendOffer(): Promise<void> {
    const { call } = this.#options;
    this.#refused = false;
    try {
      await this.#insist({ type: "webrtc:offer", call, sdp: this.#pc.localDescription?.sdp ?? "" });
    } catch (error) {
      if (hasCode(error, "glare")) await this.#yield();
      // An earlier one of ours is open. (Or the call is over, which will be told.)
      else if (hasCode(error, "invalid_state")) this.#stale = this.#refused = true;
      else throw error;
    }
  }

  async #yield(): Promise<void> {
    this.#yielding = true;
    this.#own.discard();
    await this.#pc.setLocalDescription({ type: "rollback" });
  }

  async #answerSomehow(sdp: string, seq: number): Promise<void> {
    const open = this.#stale || this.#pc.signalingState === "have-local-offer";
    try {
      await this.#answer(sdp, seq, open);
    } catch (error) {
      this.#startOver(error);
      this.#abandon();
      await this.#answer(sdp, seq, open);
    }
    this.#startedOver = false;
  }

  async #concludeSomehow(sdp: string): Promise<void> {
    try {
      await this.#conclude(sdp);
    } catch (error) {
      this.#startOver(error);
      await this.#renew();
      return;
    }
    this.#startedOver = false;
  }

  /**
   * Browsers of two kinds can come to where one does not understand the other any more (Chromium refuses Firefox's answer to
   * an ICE restart when it swaps the DTLS roles). With new peer connections they do, once; the peer sees that ours is new.
   */
  #startOver(error: unknown): void {
    if (this.#startedOver || error instanceof RingbackError) throw error;
    this.#startedOver = true;
  }

  async #answer(sdp: string, seq: number, open: boolean): Promise<void> {
    if (isForeign(sdp, this.#pc.remoteDescription)) this.#abandon();
    const pc = this.#pc;
    await pc.setRemoteDescription({ type: "offer", sdp });
    await this.#addEarly();
    // After the remote description, so that our tracks take the places that the offer has for them.
    await this.#prepare();
    await pc.setLocalDescription();
    this.#yielding = this.#stale = this.#refused = false;
    const { call } = this.#options;
    const answer = { type: "webrtc:answer", call, sdp: pc.localDescription?.sdp ?? "", offer: seq } as const;
    await this.#insist(answer).catch((error: unknown) => {
      if (!hasCode(error, "invalid_state")) throw error;
      // Theirs was withdrawn before an open one of ours was taken: that stands, and its answer is still to come.
      this.#stale = open;
    });
  }

  async #conclude(sdp: string): Promise<void> {
    const pc = this.#pc;
    if (this.#stale) {
      this.#stale = false;
      if (this.#refused) await this.#sendOffer();
    } else if (pc.signalingState === "have-local-offer") {
      if (isForeign(sdp, pc.remoteDescription)) return this.#renew();
      await pc.setRemoteDescription({ type: "answer", sdp });
      await this.#addEarly();
    }
  }

  async #addAll(candidates: Candidate[]): Promise<void> {
    const pc = this.#pc;
    if (pc.remoteDescription === null) {
      this.#early.push(...candidates);
      return;
    }
    for (const candidate of candidates) {
      // One that does not fit (it may belong to an offer that was taken back) is no reason to end a call.
      await pc.addIceCandidate(candidate).catch(() => undefined);
    }
  }

  #addEarly(): Promise<void> {
    const early = this.#early;
    this.#early = [];
    return this.#addAll(early);
  }

  #insist(request: Parameters<Ask>[0]): Promise<void> {
    return insist(this.#options.ask, request, () => !this.#closed);
  }
}

/**
 * Whether a description comes from another peer connection than the one before: its session id (RFC 8866, section 5.2) is
 * another. Not every browser can go on with it: the other side's certificate is a new one too.
 */
function isForeign(sdp: string, before: RTCSessionDescription | null): boolean {
  const [known, now] = [sessionId(before?.sdp), sessionId(sdp)];
  return known !== undefined && now !== undefined && known !== now;
}

function sessionId(sdp: string | undefined): string | undefined {
  return /^o=\S+ (\d+)/m.exec(sdp ?? "")?.[1];
}
