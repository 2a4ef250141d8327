import { describe, expect, test } from "vitest";
import { ALICE, AUDIO, BOB, Stage, VIDEO, outcomes, snapshot } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

describe("bob calls alice", () => {
  test("her device says that it rings, and asks for no microphone before she answers", async () => {
    const stage = await Stage.online();
    await stage.tells("c1", { type: "call:incoming", from: BOB, media: AUDIO, metadata: { subject: "Zoë" } });
    const [call] = stage.rings;
    expect(call).toMatchObject({ id: "c1", role: "callee", state: "ringing", peer: BOB, media: AUDIO, metadata: { subject: "Zoë" } });
    expect(stage.asked("call:ringing").call).toBe("c1");
    expect(stage.devices.asked).toEqual([]);
  });

  test("she answers, waits for his offer, and never makes the first", async () => {
    const stage = await Stage.online();
    const call = await stage.answers();
    expect([call.state, stage.count("webrtc:offer")]).toEqual(["connecting", 0]);
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    expect(stage.asked("webrtc:answer").sdp).toBe("answer 1 audio video");
    expect(stage.pc.log).toEqual(["remote offer", "local answer"]);
    expect(stage.pc.sending).toEqual(["audio", "video"]);
    await stage.acks("webrtc:answer");
    expect(stage.count("webrtc:offer")).toBe(0);
    stage.pc.becomes("connected");
    await stage.acks("call:connected");
    await stage.tells("c1", { type: "call:connected", setup_ms: 700 });
    expect(call.state).toBe("connected");
    await stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB, duration_ms: 61_000, setup_ms: 700 });
    expect(call.outcome).toEqual({ reason: "hangup", by: BOB, durationMs: 61_000, setupMs: 700 });
  });

  test("that she has answered is told before the gateway has said who was first", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const told: unknown[] = [];
    call.on("answering", () => told.push([call.answering, call.state]));
    expect(call.answering).toBe(false);
    const accepted = call.accept();
    expect(told).toEqual([[true, "ringing"]]);
    await stage.acks("call:accept");
    await stage.tells("c1", { type: "call:accepted", by: ALICE });
    await accepted;
    expect([told.length, call.state]).toEqual([1, "connecting"]);
  });

  test("the reply and the event may come in either order", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const accepted = call.accept();
    await stage.tells("c1", { type: "call:accepted", by: ALICE });
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    await stage.acks("call:accept");
    await accepted;
    expect([call.state, call.peer, stage.pc.log]).toEqual(["connecting", BOB, ["remote offer", "local answer"]]);
  });

  test("his offer waits for her to allow the microphone", async () => {
    const stage = await Stage.online();
    let allow = () => {};
    stage.devices.hesitation = new Promise((done) => (allow = done));
    await stage.answers();
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    await stage.tells("c1", { type: "webrtc:ice", candidates: [{ candidate: "a" }, null] });
    expect([stage.count("webrtc:answer"), stage.pc.candidates]).toEqual([0, []]);
    allow();
    await settle();
    expect(stage.asked("webrtc:answer").sdp).toBe("answer 1 audio video");
    await stage.acks("webrtc:answer");
    expect(stage.pc.candidates).toEqual([{ candidate: "a" }, null]);
  });

  test("what the application adds before his offer is not offered by her", async () => {
    const stage = await Stage.online();
    await stage.answers();
    stage.pc.addTransceiver("audio", { direction: "recvonly" });
    await settle();
    expect([stage.pc.log, stage.count("webrtc:offer")]).toEqual([[], 0]);
  });

  test("her camera may go off and on before his offer is there", async () => {
    const stage = await Stage.online();
    const call = await stage.answers();
    await call.camera(false);
    await call.camera(true);
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    expect([stage.pc.sending, stage.devices.live]).toEqual([["audio", "video"], 2]);
  });

  test("she answers without her camera", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1", VIDEO);
    void call.accept(AUDIO);
    await stage.acks("call:accept");
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    expect([stage.devices.asked, stage.pc.sending]).toEqual([[{ audio: true }], ["audio"]]);
  });

  test("asked twice, she answers once", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const both = [call.accept(), call.accept()];
    await stage.acks("call:accept");
    await Promise.all(both);
    expect(stage.count("call:accept")).toBe(1);
  });

  test("she declines, and it is over at once", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const seen = outcomes(call);
    const done = call.reject();
    expect(seen).toMatchObject([{ reason: "rejected", by: { user: "alice" } }]);
    await stage.acks("call:reject");
    await done;
    expect(stage.count("call:end")).toBe(0);
  });

  test("to end a call that rings is to decline it", async () => {
    const stage = await Stage.online();
    void (await stage.rung("c1")).end();
    expect(stage.asked("call:reject")).not.toHaveProperty("reason");
  });

  test("he gives up", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    await stage.tells("c1", { type: "call:ended", reason: "cancelled", by: BOB });
    expect(call.outcome).toEqual({ reason: "cancelled", by: BOB });
    await expect(call.accept()).rejects.toMatchObject({ code: "invalid_state", state: "ended" });
  });

  test("her phone was quicker: this device stops ringing", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    await stage.tells("c1", { type: "call:ended", reason: "answered_elsewhere", by: { user: "alice", device: "phone" } });
    expect(call.outcome).toMatchObject({ reason: "answered_elsewhere", by: { device: "phone" } });
  });

  test("a ring that is too late to be heard is not heard on", async () => {
    const stage = await Stage.online();
    for (const [code, reason] of [["answered_elsewhere", "answered_elsewhere"], ["no_such_call", "connection_lost"]] as const) {
      await stage.tells(code, { type: "call:incoming", from: BOB, media: AUDIO });
      await stage.refuses("call:ringing", code);
      expect(stage.rings.at(-1)?.outcome?.reason).toBe(reason);
    }
    expect(stage.client.calls).toEqual([]);
  });

  test("both her devices answer, and this one loses", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const accepted = call.accept();
    accepted.catch(() => undefined);
    await stage.refuses("call:accept", "answered_elsewhere");
    await expect(accepted).rejects.toMatchObject({ code: "answered_elsewhere" });
    expect([call.state, call.outcome?.reason, stage.devices.live]).toEqual(["ended", "answered_elsewhere", 0]);
  });

  test("he gives up as she answers: how it ended is told by the event", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const accepted = call.accept();
    accepted.catch(() => undefined);
    await stage.refuses("call:accept", "invalid_state", { state: "ended" });
    expect(call.state).toBe("ringing");
    await stage.tells("c1", { type: "call:ended", reason: "cancelled", by: BOB });
    await expect(accepted).rejects.toMatchObject({ code: "invalid_state", state: "ended" });
    expect([call.outcome?.reason, stage.devices.live]).toEqual(["cancelled", 0]);
  });

  test("her answer counts although its reply got lost with the session", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    const accepted = call.accept();
    await stage.comesBack({ session: "s2", calls: [snapshot({ state: "connecting", role: "callee", seq: 9 })] });
    expect(call.state).toBe("connecting");
    await accepted;
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" }, 10);
    expect(stage.asked("webrtc:answer").sdp).toMatch(/^answer/);
  });

  test("a second event of the same number is not heard", async () => {
    const stage = await Stage.online();
    await stage.answers();
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio" }, 7);
    await stage.acks("webrtc:answer");
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio" }, 7);
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio" }, 3);
    expect(stage.pc.log).toEqual(["remote offer", "local answer"]);
  });
});
