import { describe, expect, test } from "vitest";
import { AUDIO, BOB, Stage, VIDEO, outcomes } from "./support/stage.ts";
import { FakeStream } from "./support/fake-media.ts";
import { FakePeerConnection } from "./support/fake-peer-connection.ts";
import { settle } from "./support/virtual-timers.ts";

describe("alice calls bob", () => {
  test("he rings, accepts, they talk, she hangs up", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    const states = [call.state];
    call.on("state", (state) => states.push(state));
    const seen = outcomes(call);
    expect(await stage.acks("call:init", { call: "c1" })).toMatchObject({ to: "bob", media: VIDEO });
    expect([call.id, call.role, call.alerting]).toEqual(["c1", "caller", false]);
    await stage.tells("c1", { type: "call:ringing" });
    expect(call.alerting).toBe(true);
    expect(FakePeerConnection.made).toEqual([]);

    await stage.tells("c1", { type: "call:accepted", by: BOB });
    expect([call.state, call.peer]).toEqual(["connecting", BOB]);
    expect(stage.pc.configuration.iceServers).toEqual([{ urls: ["stun:stun.example.org:3478"] }]);
    expect(await stage.acks("webrtc:offer")).toMatchObject({ call: "c1", sdp: "offer 1 audio video" });
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    const remote = new FakeStream("audio", "video");
    stage.pc.brings(remote);
    expect(call.remoteStream).toBe(remote);

    stage.pc.becomes("connecting");
    stage.pc.becomes("connected");
    await stage.acks("call:connected");
    expect(call.state).toBe("connecting");
    await stage.tells("c1", { type: "call:connected", setup_ms: 800 });
    await stage.timers.pass(5_000);

    const ended = call.end();
    expect(seen).toMatchObject([{ reason: "hangup", by: { user: "alice" }, durationMs: 5_000 }]);
    await stage.acks("call:end");
    await ended;
    expect(states).toEqual(["ringing", "connecting", "connected", "ended"]);
    expect(stage.client.calls).toEqual([]);
  });

  test("the devices are asked for while it rings; an accept before the person has answered waits", async () => {
    const stage = await Stage.online();
    let allow = () => {};
    stage.devices.hesitation = new Promise((done) => (allow = done));
    const call = await stage.calls();
    await settle();
    expect([call.state, stage.count("webrtc:offer"), stage.devices.asked]).toEqual(["connecting", 0, [VIDEO]]);
    allow();
    await settle();
    expect(stage.asked("webrtc:offer").sdp).toBe("offer 1 audio video");
  });

  test.each(["offline", "busy", "denied", "rejected", "no_answer", "ended_by_server"] as const)("it ends: %s", async (reason) => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    const seen = outcomes(call);
    await stage.acks("call:init", { call: "c1" });
    await stage.tells("c1", { type: "call:ended", reason, by: BOB });
    expect(seen).toEqual([{ reason, by: BOB }]);
    expect([stage.devices.live, stage.client.calls.length, stage.count("call:report")]).toEqual([0, 0, 0]);
  });

  test("she cancels while it rings", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.acks("call:init", { call: "c1" });
    void call.end();
    expect(call.outcome).toMatchObject({ reason: "cancelled" });
    expect(stage.asked("call:end")).not.toHaveProperty("reason");
    await stage.tells("c1", { type: "call:ended", reason: "cancelled" });
    expect(call.outcome).toMatchObject({ by: { user: "alice" } });
  });

  test("she cancels before the gateway has said a word, and it is told once there is something to cancel", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    const told = call.end();
    expect([call.state, stage.count("call:end")]).toEqual(["ended", 0]);
    await stage.acks("call:init", { call: "c1" });
    expect((await stage.acks("call:end")).call).toBe("c1");
    await told;
    expect(stage.devices.live).toBe(0);
  });

  test("she cancels before there was a connection: he is not rung for nothing later", async () => {
    const stage = new Stage();
    stage.client.open();
    const call = stage.client.call("bob", VIDEO);
    await call.end();
    await stage.welcome();
    expect([stage.types, stage.client.calls, call.outcome?.reason]).toEqual([["hello"], [], "cancelled"]);
  });

  test("what takes too long without a connection is not placed later", async () => {
    const stage = await Stage.online();
    stage.socket.breaks();
    const seen = outcomes(stage.client.call("bob", VIDEO));
    await stage.timers.pass(30_000);
    await stage.welcome({ resumed: true });
    expect([stage.types, seen]).toMatchObject([["hello"], [{ reason: "failed", error: { code: "timeout" } }]]);
  });

  test("her end of it is told although the store is away and the connection breaks", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    let settled = false;
    void call.end().then(() => (settled = true));
    for (let second = 0; second < 35; second += 1) {
      await stage.refuses("call:end", "unavailable", { retry_after_ms: 500 });
      await stage.timers.pass(1_000);
      expect(settled).toBe(second >= 9);
    }
    await stage.comesBack({ session: "s2" });
    await stage.acks("call:end", { already: "hangup" });
    await stage.comesBack({ session: "s3" });
    expect(stage.count("call:end")).toBe(0);
  });

  test("bob's tracks begin and stop, which is told", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    let changes = 0;
    call.on("tracks", () => (changes += 1));
    const remote = new FakeStream("video");
    stage.pc.brings(remote);
    for (const track of remote.getTracks()) {
      track.fire("mute");
      track.fire("unmute");
    }
    expect(changes).toBe(3);
  });

  test("an audio call asks for no camera", async () => {
    const stage = await Stage.online();
    await stage.calls(AUDIO);
    expect(stage.devices.asked).toEqual([{ audio: true }]);
    expect(stage.asked("webrtc:offer").sdp).toBe("offer 1 audio");
  });

  test("what one listener does wrong harms nobody else", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", AUDIO);
    const thrown: unknown[] = [];
    const queue = globalThis.queueMicrotask;
    globalThis.queueMicrotask = (report) => {
      try {
        report();
      } catch (error) {
        thrown.push(error);
      }
    };
    call.on("alerting", () => {
      throw new Error("in a listener");
    });
    const seen = outcomes(call);
    await stage.acks("call:init", { call: "c1" });
    await stage.tells("c1", { type: "call:ringing" });
    globalThis.queueMicrotask = queue;
    await stage.tells("c1", { type: "call:ended", reason: "busy" });
    expect([thrown, seen]).toMatchObject([[{ message: "in a listener" }], [{ reason: "busy" }]]);
  });
});
