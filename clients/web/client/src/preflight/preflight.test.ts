import { describe, expect, test } from "vitest";
import { FakeBrowser } from "../../test/support/fake-browser.ts";
import { FakeDevices } from "../../test/support/fake-media.ts";
import { FakePeerConnection } from "../../test/support/fake-peer-connection.ts";
import { FakeSocket } from "../../test/support/fake-socket.ts";
import { VirtualTimers, settle } from "../../test/support/virtual-timers.ts";
import type { Platform } from "../platform.ts";
import { preflight, type PreflightOptions } from "./preflight.ts";
import type { PreflightCheck, PreflightReport } from "./report.ts";

const SERVERS = [
  { urls: "stun:stun.example.org" },
  { urls: ["turn:turn.example.org", "turn:turn.example.org?transport=tcp", "turns:turn.example.org"], username: "u", credential: "c" },
];

class Flight {
  readonly timers = new VirtualTimers();
  readonly devices = new FakeDevices();
  report: PreflightReport | undefined;

  constructor(options: Partial<PreflightOptions> = {}, hesitation?: Promise<void>) {
    if (hesitation !== undefined) this.devices.hesitation = hesitation;
    FakeSocket.opened.length = 0;
    FakePeerConnection.made.length = 0;
    const browser = new FakeBrowser();
    const platform: Partial<Platform> = {
      WebSocket: FakeSocket,
      RTCPeerConnection: FakePeerConnection as unknown as Platform["RTCPeerConnection"],
      getUserMedia: this.devices.getUserMedia,
      locks: browser.locks,
      timers: this.timers,
      randomId: () => "7",
    };
    void preflight({ url: "ws://gateway/v1/ws", token: "alice", ...options, platform }).then((report) => (this.report = report));
  }

  get socket(): FakeSocket {
    return FakeSocket.opened[0] as FakeSocket;
  }

  async welcome(ice_servers: object[] = SERVERS): Promise<void> {
    await settle();
    this.socket.opens();
    this.socket.says({ type: "ack", id: 1, user: "alice", ice_servers });
    await settle();
  }

  /** Each server's answer, in their order: the type of a candidate, or an error. */
  async servers(...answers: string[]): Promise<void> {
    for (const [index, answer] of answers.entries()) {
      const pc = FakePeerConnection.made[index] as FakePeerConnection;
      if (answer.startsWith("7")) pc.fire("icecandidateerror", { errorCode: Number(answer), errorText: "it said so" });
      else pc.finds(`candidate:1 1 udp 1 192.0.2.1 9 typ host`, `candidate:2 1 udp 1 192.0.2.1 9 typ ${answer}`);
      pc.finds(null);
    }
    await settle();
  }

  get failures(): PreflightCheck[] {
    return this.report?.checks.filter(({ status }) => status === "failed") ?? [];
  }

  /** What it has left behind. */
  get left(): unknown[] {
    const connections = FakePeerConnection.made.filter(({ signalingState, listening }) => signalingState !== "closed" || listening > 0);
    return [connections.length, this.devices.live, this.timers.waiting, this.socket?.isHeard ?? false];
  }
}

describe("before a call", () => {
  test("everything is tried, each TURN transport by itself, and let go of", async () => {
    const flight = new Flight();
    await flight.welcome();
    await flight.servers("srflx", "relay", "relay", "relay");
    expect(flight.report?.ok).toBe(true);
    expect(flight.report?.checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "socket ok",
      "token ok",
      "microphone ok",
      "camera ok",
      "stun ok",
      "turn-udp ok",
      "turn-tcp ok",
      "turn-tls ok",
    ]);
    expect(FakePeerConnection.made.map(({ configuration }) => configuration.iceTransportPolicy)).toEqual(["all", "relay", "relay", "relay"]);
    expect(flight.socket.sent).toMatchObject([{ type: "hello", token: "alice", device: "preflight-7" }]);
    expect(flight.left).toEqual([0, 0, 0, false]);
  });

  test("a TURN server with wrong credentials, and one that does not answer, are told in words", async () => {
    const flight = new Flight({ media: { audio: false, video: false } });
    await flight.welcome();
    await flight.servers("srflx", "701", "relay");
    expect(flight.report).toBeUndefined();
    await flight.timers.pass(8_000);
    expect(flight.failures).toMatchObject([
      { name: "turn-udp", code: "no_candidate", message: "turn:turn.example.org gives no address: 701 it said so." },
      { name: "turn-tls", code: "no_candidate", message: expect.stringMatching(/firewall/) as string },
    ]);
    expect([flight.report?.ok, flight.left]).toEqual([false, [0, 0, 0, false]]);
  });

  test("a gateway that can't be reached", async () => {
    const flight = new Flight({ media: { audio: false, video: false } });
    await settle();
    flight.socket.breaks();
    await settle();
    expect(flight.report?.checks).toMatchObject([
      { name: "socket", status: "failed", code: "unreachable" },
      { name: "token", status: "skipped" },
    ]);
    expect(flight.left).toEqual([0, 0, 0, false]);
  });

  test("one that opens and says nothing", async () => {
    const flight = new Flight({ media: { audio: false, video: false } });
    await settle();
    flight.socket.opens();
    await flight.timers.pass(8_000);
    expect(flight.failures).toMatchObject([{ name: "token", code: "timeout" }]);
  });

  test("a token that is refused, and one that can't be had", async () => {
    const refused = new Flight({ media: { audio: false, video: false } });
    await settle();
    refused.socket.opens();
    refused.socket.says({ type: "error", id: 1, code: "unauthorized", message: "the token has expired" });
    await settle();
    expect(refused.failures).toMatchObject([{ name: "token", code: "unauthorized", message: expect.stringMatching(/expired/) as string }]);
    const none = new Flight({ media: { audio: false, video: false }, token: () => Promise.reject(new Error("signed out")) });
    await settle();
    expect(none.failures).toMatchObject([{ name: "token", message: expect.stringMatching(/signed out/) as string }]);
    expect(FakeSocket.opened).toEqual([]);
  });

  test("devices that are missing, forbidden, or not allowed by anybody", async () => {
    const flight = new Flight();
    flight.devices.failing = { audio: "NotFoundError", video: "NotAllowedError" };
    await flight.welcome([]);
    expect(flight.failures).toMatchObject([
      { name: "microphone", code: "device_not_found" },
      { name: "camera", code: "permission_denied" },
    ]);
    let allow = () => {};
    const asked = new Flight({ media: { video: false } }, new Promise((done) => (allow = done)));
    await asked.welcome([]);
    await asked.timers.pass(30_000);
    expect(asked.failures).toMatchObject([{ name: "microphone", code: "timeout" }]);
    allow();
    await settle();
    expect([asked.devices.given.length, asked.left]).toEqual([1, [0, 0, 0, false]]);
  });
});
