import { expect } from "vitest";
import { RingbackClient, type Call, type Outcome, type RingbackOptions } from "../../src/index.ts";
import type { PageSignal, Platform } from "../../src/platform.ts";
import type { CallEvent, Snapshot, Welcome } from "../../src/protocol.ts";
import { FakeBrowser } from "./fake-browser.ts";
import { FakeDevices } from "./fake-media.ts";
import { FakePeerConnection } from "./fake-peer-connection.ts";
import { FakeSocket, type Frame } from "./fake-socket.ts";
import { VirtualTimers, settle } from "./virtual-timers.ts";

export const AUDIO = { audio: true, video: false };
export const VIDEO = { audio: true, video: true };
export const BOB = { user: "bob", device: "phone" };
export const ALICE = { user: "alice", device: "laptop" };

let lastId = 0;

type Told = CallEvent extends infer E ? (E extends CallEvent ? Omit<E, "seq" | "at" | "call"> : never) : never;

/** Alice's client, on a platform of the test's own, and the test as the gateway. */
export class Stage {
  readonly timers = new VirtualTimers();
  readonly devices = new FakeDevices();
  readonly client: RingbackClient;
  readonly rings: Call[] = [];
  readonly closed: { code: number; reason: string }[] = [];
  /** What the gateway answers by HTTP. */
  gateway: Platform["fetch"] = () => Promise.reject(new TypeError("nobody is there"));
  readonly #told = new Set<(signal: PageSignal) => void>();
  readonly #sockets: FakeSocket[] = [];
  #seq = 0;

  constructor(options: Partial<RingbackOptions> = {}, browser = new FakeBrowser()) {
    FakeSocket.opened.length = 0;
    FakePeerConnection.made.length = 0;
    FakeSocket.now = () => this.timers.now();
    const sockets = this.#sockets;
    const platform: Platform = {
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocol: string) {
          super(url, protocol);
          sockets.push(this);
        }
      },
      fetch: async (url, options) => this.gateway(url, options),
      RTCPeerConnection: FakePeerConnection as unknown as Platform["RTCPeerConnection"],
      getUserMedia: this.devices.getUserMedia,
      getDisplayMedia: this.devices.getDisplayMedia,
      pageSignals: (told) => {
        this.#told.add(told);
        return () => void this.#told.delete(told);
      },
      locks: browser.locks,
      channel: browser.channel,
      storage: browser.storage,
      timers: this.timers,
      random: () => 0.5,
      randomId: () => `${(lastId += 1)}`,
    };
    this.client = new RingbackClient({ url: "ws://gateway/v1/ws", token: "alice", device: "laptop", ...options, platform });
    this.client.on("incoming", (call) => this.rings.push(call));
    this.client.on("closed", (closed) => this.closed.push(closed));
  }

  static async online(options?: Partial<RingbackOptions>, welcome?: Parameters<Stage["welcome"]>[0], browser?: FakeBrowser): Promise<Stage> {
    const stage = new Stage(options, browser);
    stage.client.open();
    await stage.welcome(welcome);
    return stage;
  }

  /** The browser has news for the page. */
  async page(signal: PageSignal): Promise<void> {
    for (const told of this.#told) told(signal);
    await settle();
  }

  get listening(): number {
    return this.#told.size;
  }

  get socket(): FakeSocket {
    const socket = this.#sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }

  get pc(): FakePeerConnection {
    const pc = FakePeerConnection.made.at(-1);
    if (pc === undefined) throw new Error("no peer connection was made");
    return pc;
  }

  /** Answers the client's `hello`. */
  async welcome({ session = "s1", resumed = false, calls = [], ...more }: Partial<Welcome> = {}): Promise<Frame> {
    await settle();
    this.socket.opens();
    await settle();
    const hello = this.asked("hello");
    this.says({
      type: "ack",
      id: hello.id,
      session,
      resumed,
      ...ALICE,
      node: "gw-1",
      heartbeat_ms: 20_000,
      ice_servers: [{ urls: ["stun:stun.example.org:3478"] }],
      calls,
      ...more,
    });
    await settle();
    return hello;
  }

  /** The network breaks, and the client is back after a while. */
  async comesBack(welcome: Parameters<Stage["welcome"]>[0]): Promise<Frame> {
    this.socket.breaks();
    await this.timers.pass(1_000);
    return this.welcome(welcome);
  }

  says(frame: object): void {
    this.socket.says(frame);
  }

  /** The newest request of a type on the present socket. */
  asked(type: string): Frame {
    const frame = this.socket.sent.filter((sent) => sent.type === type).at(-1);
    expect(frame, `a ${type} was sent; there are: ${this.types.join(", ")}`).toBeDefined();
    return frame as Frame;
  }

  count(type: string): number {
    return this.types.filter((sent) => sent === type).length;
  }

  get types(): string[] {
    return this.socket.sent.map(({ type }) => type);
  }

  async acks(type: string, fields: object = {}): Promise<Frame> {
    await settle();
    const request = this.asked(type);
    this.says({ type: "ack", id: request.id, ...fields });
    await settle();
    return request;
  }

  async refuses(type: string, code: string, fields: object = {}): Promise<Frame> {
    await settle();
    const request = this.asked(type);
    this.says({ type: "error", id: request.id, code, message: code, ...fields });
    await settle();
    return request;
  }

  async tells(call: string, event: Told, seq = (this.#seq += 1)): Promise<void> {
    this.#seq = seq;
    this.says({ call, seq, at: this.timers.now(), ...event });
    await settle();
  }

  async rung(call: string, media = VIDEO): Promise<Call> {
    await this.tells(call, { type: "call:incoming", from: BOB, media });
    await this.acks("call:ringing");
    return this.rings.at(-1) as Call;
  }

  /** Alice calls bob, and he accepts: her offer is to be made. */
  async calls(media = VIDEO, id = "c1"): Promise<Call> {
    const call = this.client.call("bob", media);
    await this.acks("call:init", { call: id });
    await this.tells(id, { type: "call:accepted", by: BOB });
    return call;
  }

  /** Bob calls alice, and she accepts: his offer is to come. */
  async answers(media = VIDEO, id = "c1"): Promise<Call> {
    const call = await this.rung(id, media);
    const accepted = call.accept();
    await this.acks("call:accept");
    await this.tells(id, { type: "call:accepted", by: ALICE });
    await accepted;
    return call;
  }

  /** A call of alice's with media on both sides. */
  async talks(media = VIDEO, id = "c1"): Promise<Call> {
    const call = await this.calls(media, id);
    await this.acks("webrtc:offer");
    await this.tells(id, { type: "webrtc:answer", sdp: "answer audio video" });
    this.pc.becomes("connected");
    await this.acks("call:connected");
    await this.tells(id, { type: "call:connected", setup_ms: 800 });
    return call;
  }
}

export function outcomes(call: Call): Outcome[] {
  const seen: Outcome[] = [];
  call.on("ended", (outcome) => seen.push(outcome));
  return seen;
}

export function snapshot(fields: Partial<Snapshot> = {}): Snapshot {
  return { call: "c1", state: "connected", role: "caller", peer: BOB, media: VIDEO, created_at: 1, seq: 50, ...fields };
}
