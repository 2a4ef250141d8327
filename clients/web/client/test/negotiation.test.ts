import { describe, expect, test } from "vitest";
import { AUDIO, Stage, VIDEO, snapshot } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

describe("candidates", () => {
  test("the peer's wait for the remote description", async () => {
    const stage = await Stage.online();
    await stage.calls();
    await stage.tells("c1", { type: "webrtc:ice", candidates: [{ candidate: "a" }, { candidate: "b" }] });
    await stage.acks("webrtc:offer");
    expect(stage.pc.candidates).toEqual([]);
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    await stage.tells("c1", { type: "webrtc:ice", candidates: [{ candidate: "c" }, null] });
    expect(stage.pc.candidates).toEqual([{ candidate: "a" }, { candidate: "b" }, { candidate: "c" }, null]);
  });

  test("one that does not fit is left out", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    await stage.tells("c1", { type: "webrtc:ice", candidates: [{ candidate: "misfit" }, { candidate: "b" }] });
    expect([stage.pc.candidates, call.state]).toEqual([[{ candidate: "b" }], "connected"]);
  });

  test("ours are sent in bursts, and their end with the last", async () => {
    const stage = await Stage.online();
    await stage.calls();
    await stage.acks("webrtc:offer");
    stage.pc.finds("a", "b");
    await stage.timers.pass(20);
    stage.pc.finds("c");
    expect(stage.count("webrtc:ice")).toBe(0);
    await stage.timers.pass(40);
    const candidates = ["a", "b", "c"].map((candidate) => ({ candidate, sdpMid: "0" }));
    expect(stage.asked("webrtc:ice")).toMatchObject({ call: "c1", candidates });
    stage.pc.finds("d", "", null);
    expect(stage.asked("webrtc:ice").candidates).toEqual([{ candidate: "d", sdpMid: "0" }, null]);
    await stage.timers.pass(1_000);
    expect(stage.count("webrtc:ice")).toBe(2);
  });

  test("no burst of ours is too large for a frame", async () => {
    const stage = await Stage.online();
    await stage.calls();
    await stage.acks("webrtc:offer");
    stage.pc.finds(...Array.from({ length: 45 }, (_, number) => `a${number}`), null);
    const bursts = stage.socket.sent.filter(({ type }) => type === "webrtc:ice").map(({ candidates }) => (candidates as object[]).length);
    expect(bursts).toEqual([20, 20, 6]);
  });

  test("too many of them end nothing", async () => {
    const stage = await Stage.online();
    const call = await stage.calls();
    await stage.acks("webrtc:offer");
    stage.pc.finds("a", null);
    await stage.refuses("webrtc:ice", "buffer_full");
    expect(call.state).toBe("connecting");
  });
});

describe("descriptions", () => {
  test("an offer whose reply got lost is sent again; was it stored, the first answer is to that copy", async () => {
    const stage = await Stage.online();
    await stage.calls();
    stage.socket.breaks();
    await stage.timers.pass(31_000);
    await stage.welcome({ resumed: true });
    await stage.refuses("webrtc:offer", "invalid_state", { state: "connecting" });
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    expect([stage.pc.log, stage.count("webrtc:offer")]).toEqual([["local offer"], 2]);
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    expect([stage.pc.signalingState, stage.pc.log]).toEqual(["stable", ["local offer", "remote answer"]]);
  });

  test("an offer whose answer may have been lost is made again", async () => {
    const stage = await Stage.online();
    await stage.calls();
    await stage.acks("webrtc:offer");
    await stage.comesBack({ calls: [snapshot({ state: "connecting" })] });
    expect((await stage.acks("webrtc:offer")).sdp).toBe("offer 1 audio video");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" }, 60);
    expect([stage.pc.signalingState, stage.pc.log]).toEqual(["stable", ["local offer", "remote answer"]]);
  });

  test("an answer to nothing is not taken", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer" });
    expect([stage.pc.signalingState, call.state]).toEqual(["stable", "connected"]);
  });

  test("an answer that can't be applied is reason for a new peer connection, once", async () => {
    const stage = await Stage.online();
    const call = await stage.calls();
    await stage.acks("webrtc:offer");
    const before = stage.pc;
    await stage.tells("c1", { type: "webrtc:answer", sdp: "broken" });
    expect([before.signalingState, before.listening, stage.pc.log]).toEqual(["closed", 0, ["local offer"]]);
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    expect([call.state, stage.pc.signalingState]).toEqual(["connecting", "stable"]);
    // The next one has its own chance.
    stage.pc.restartIce();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "broken" });
    await stage.acks("webrtc:offer");
    expect(call.state).toBe("connecting");
  });

  test("nor does an offer that can't be applied end it at once: a new one may answer it", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    const before = stage.pc;
    before.breaks = true;
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    await stage.acks("webrtc:answer");
    expect([before.signalingState, stage.pc.log, stage.pc.sending]).toEqual(["closed", ["remote offer", "local answer"], ["audio", "video"]]);
    expect([call.state, call.link]).toEqual(["connected", "reconnecting"]);
  });

  test.each(["webrtc:offer", "webrtc:answer"] as const)("a %s that can't be understood at all ends the call", async (type) => {
    const stage = await Stage.online();
    const call = type === "webrtc:answer" ? await stage.calls() : await stage.answers();
    for (let tries = 0; tries < 2; tries += 1) {
      if (type === "webrtc:answer") await stage.acks("webrtc:offer");
      expect(call.state).toBe("connecting");
      await stage.tells("c1", { type, sdp: "broken" });
      if (type === "webrtc:offer") break;
    }
    expect(stage.asked("call:end").reason).toBe("ice_failed");
    expect(call.outcome).toMatchObject({ reason: "ice_failed", error: { code: "media_failed", cause: { name: "OperationError" } } });
  });

  test("the store may be away for as long as it is: the offer waits", async () => {
    const stage = await Stage.online();
    const call = await stage.calls();
    for (let second = 0; second < 70; second += 1) {
      await stage.refuses("webrtc:offer", "unavailable", { retry_after_ms: 500 });
      await stage.timers.pass(1_000);
    }
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    expect([call.state, stage.pc.log]).toEqual(["connecting", ["local offer", "remote answer"]]);
  });
});

describe("the camera", () => {
  test("an audio call gets video, and loses it again, by either side's offers", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    void call.camera(true);
    expect((await stage.acks("webrtc:offer")).sdp).toMatch(/^offer \d audio video$/);
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    expect([call.cameraOn, stage.pc.sending]).toEqual([true, ["audio", "video"]]);

    await call.camera(false);
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    expect([call.cameraOn, stage.pc.sending, stage.devices.live]).toEqual([false, ["audio"], 1]);

    await call.camera(true);
    await settle();
    // The place that it had is used again.
    expect(stage.asked("webrtc:offer").sdp).toMatch(/^offer \d audio video$/);
    expect(stage.pc.sending).toEqual(["audio", "video"]);
  });

  test("switched to and fro quickly, it is as was wanted last", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    await Promise.all([call.camera(false), call.camera(true), call.camera(false)]);
    expect([call.cameraOn, stage.devices.live]).toEqual([false, 1]);
  });

  test("switched off while the person is still asked for it, it stays off", async () => {
    const stage = await Stage.online();
    let allow = () => {};
    stage.devices.hesitation = new Promise((done) => (allow = done));
    const call = await stage.calls(VIDEO);
    const off = call.camera(false);
    allow();
    await off;
    await settle();
    expect([call.cameraOn, stage.pc.sending, stage.devices.live]).toEqual([false, ["audio"], 1]);
  });

  test("asked for when the call ends, it is not waited for, and let go of should it come", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    let allow = () => {};
    stage.devices.hesitation = new Promise((done) => (allow = done));
    const on = call.camera(true);
    await settle();
    void call.end();
    await expect(on).rejects.toMatchObject({ code: "closed" });
    allow();
    await settle();
    expect([stage.devices.given.length, stage.devices.live]).toEqual([2, 0]);
  });

  test("refused, the call goes on without", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    stage.devices.failing = { video: "NotAllowedError" };
    await expect(call.camera(true)).rejects.toMatchObject({ code: "permission_denied" });
    expect([call.cameraOn, call.state]).toEqual([false, "connected"]);
  });

  test("where there is none, a person talks, and sees the other", async () => {
    const stage = await Stage.online();
    stage.devices.failing = { video: "NotFoundError" };
    const call = await stage.calls(VIDEO);
    expect([stage.asked("webrtc:offer").sdp, stage.pc.sending]).toEqual(["offer 1 audio video", ["audio"]]);
    expect(call.cameraOn).toBe(false);
  });
});

describe("the microphone", () => {
  test("is muted and unmuted without a word to anybody", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    const sent = stage.types.length;
    const [microphone] = stage.devices.given[0]?.getAudioTracks() ?? [];
    call.mute();
    expect([call.muted, microphone?.enabled]).toEqual([true, false]);
    call.unmute();
    expect([call.muted, microphone?.enabled, stage.types.length]).toEqual([false, true, sent]);
  });

  test("muted before there is one, it begins so", async () => {
    const stage = await Stage.online();
    let allow = () => {};
    stage.devices.hesitation = new Promise((done) => (allow = done));
    const call = stage.client.call("bob", AUDIO);
    call.mute();
    allow();
    await settle();
    expect(stage.devices.given[0]?.getAudioTracks()[0]?.enabled).toBe(false);
  });
});
