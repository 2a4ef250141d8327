import { describe, expect, test } from "vitest";
import { ALICE, AUDIO, BOB, Stage, VIDEO, snapshot } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

describe("both call each other at once", () => {
  test("hers is taken as the answer to his: one call, and nothing rings", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.acks("call:init", { call: "c9", role: "callee", glare: true });
    // The policy may still say no.
    expect([call.id, call.role, call.state]).toEqual(["c9", "callee", "ringing"]);
    await stage.tells("c9", { type: "call:accepted", by: ALICE });
    expect([call.state, stage.count("webrtc:offer")]).toEqual(["connecting", 0]);
    await stage.tells("c9", { type: "webrtc:offer", sdp: "offer audio video" });
    expect(stage.asked("webrtc:answer").sdp).toMatch(/^answer/);
    expect(stage.rings).toEqual([]);
  });

  test("his ring that came before the reply is the same call, and is not heard", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.tells("c9", { type: "call:incoming", from: BOB, media: VIDEO });
    expect(stage.rings).toEqual([]);
    await stage.acks("call:init", { call: "c9", role: "callee", glare: true });
    await stage.tells("c9", { type: "call:accepted", by: ALICE });
    expect([stage.rings, stage.client.calls, call.state]).toEqual([[], [call], "connecting"]);
    expect(stage.count("call:ringing")).toBe(0);
  });

  test("his ring that does not cross hers is heard after all", async () => {
    const stage = await Stage.online();
    stage.client.call("bob", VIDEO);
    await stage.tells("c5", { type: "call:incoming", from: BOB, media: AUDIO });
    await stage.tells("c5", { type: "call:peer", status: "reconnecting" });
    expect(stage.rings).toEqual([]);
    await stage.refuses("call:init", "invalid_state", { state: "ringing" });
    expect(stage.rings).toMatchObject([{ id: "c5", link: "peer_reconnecting" }]);
  });

  test("what is said of hers before the reply is not lost", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.tells("c1", { type: "call:accepted", by: BOB });
    await stage.acks("call:init", { call: "c1" });
    expect([call.state, stage.asked("webrtc:offer").call]).toEqual(["connecting", "c1"]);
  });

  test("nor what is said of his, where hers was the answer", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.tells("c9", { type: "call:accepted", by: ALICE });
    await stage.tells("c9", { type: "webrtc:offer", sdp: "offer audio video" });
    await stage.acks("call:init", { call: "c9", role: "callee", glare: true });
    expect([call.state, call.role, stage.count("webrtc:offer")]).toEqual(["connecting", "callee", 0]);
    expect(stage.asked("webrtc:answer").sdp).toMatch(/^answer/);
  });

  test("his ring that is listed when she comes online is the same call, and is not heard", async () => {
    const stage = new Stage();
    stage.client.open();
    const call = stage.client.call("bob", VIDEO);
    await stage.welcome({ calls: [snapshot({ call: "c9", role: "callee", state: "ringing", seq: 1 })] });
    expect(stage.rings).toEqual([]);
    await stage.tells("c9", { type: "call:accepted", by: ALICE }, 2);
    await stage.acks("call:init", { call: "c9", role: "callee", glare: true });
    expect([stage.rings, stage.client.calls, call.id, call.state]).toEqual([[], [call], "c9", "connecting"]);
  });

  test("and is heard after all where hers is refused", async () => {
    const stage = new Stage();
    stage.client.open();
    stage.client.call("bob", VIDEO);
    await stage.welcome({ calls: [snapshot({ call: "c9", role: "callee", state: "ringing", seq: 1 })] });
    await stage.refuses("call:init", "invalid_state", { state: "ringing" });
    expect(stage.rings).toMatchObject([{ id: "c9", peer: { user: "bob" } }]);
  });

  test("somebody else's ring waits for nothing", async () => {
    const stage = await Stage.online();
    stage.client.call("bob", VIDEO);
    await stage.tells("c5", { type: "call:incoming", from: { user: "carol", device: "tablet" }, media: AUDIO });
    expect(stage.rings).toMatchObject([{ id: "c5", peer: { user: "carol" } }]);
    await stage.acks("call:ringing");
  });

  test("his was first, and hers is the caller's side", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.acks("call:init", { call: "c1" });
    await stage.tells("c1", { type: "call:accepted", by: BOB });
    expect([call.role, stage.asked("webrtc:offer").call]).toEqual(["caller", "c1"]);
  });

  test("who calls somebody whose ring is heard already answers", async () => {
    const stage = await Stage.online();
    const ring = await stage.rung("c1", VIDEO);
    const call = stage.client.call("bob", AUDIO);
    expect(call).toBe(ring);
    await stage.acks("call:accept");
    expect([call.state, stage.count("call:init"), stage.devices.asked]).toEqual(["connecting", 0, [{ audio: true }]]);
  });
});

describe("both renegotiate at once", () => {
  test("whose offer is refused rolls back, and answers the other's", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    stage.pc.log.length = 0;
    void call.camera(true);
    await stage.refuses("webrtc:offer", "glare");
    expect([stage.pc.log, stage.pc.signalingState]).toEqual([["local offer", "local rollback"], "stable"]);
    // Nothing is offered again before his offer is answered.
    expect(stage.count("webrtc:offer")).toBe(2);
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    expect(stage.asked("webrtc:answer").sdp).toMatch(/^answer \d audio video/);
    await stage.acks("webrtc:answer");
    expect([stage.pc.signalingState, call.state]).toEqual(["stable", "connected"]);
  });

  test("his offer may come before the refusal of hers", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    stage.pc.log.length = 0;
    void call.camera(true);
    await settle();
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" });
    expect(stage.pc.log).toEqual(["local offer"]);
    await stage.refuses("webrtc:offer", "glare");
    expect(stage.pc.log).toEqual(["local offer", "local rollback", "remote offer", "local answer"]);
    await stage.acks("webrtc:answer");
    expect(call.state).toBe("connected");
  });

  test("what her offer was for is offered once his is answered", async () => {
    const stage = await Stage.online();
    await stage.talks(AUDIO);
    stage.pc.restartIce();
    await stage.refuses("webrtc:offer", "glare");
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio" });
    await stage.acks("webrtc:answer");
    stage.pc.restartIce();
    await settle();
    expect(stage.asked("webrtc:offer").sdp).toMatch(/restart/);
    expect(stage.count("webrtc:offer")).toBe(3);
  });

  test("the candidates of an offer that was taken back are not sent", async () => {
    const stage = await Stage.online();
    await stage.talks(AUDIO);
    stage.pc.restartIce();
    await settle();
    stage.pc.finds("old");
    await stage.refuses("webrtc:offer", "glare");
    await stage.timers.pass(100);
    expect(stage.count("webrtc:ice")).toBe(0);
  });
});
