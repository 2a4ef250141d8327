import { describe, expect, test } from "vitest";
import type { Call } from "../src/index.ts";
import { FakeBrowser } from "./support/fake-browser.ts";
import type { FakePeerConnection } from "./support/fake-peer-connection.ts";
import { AUDIO, BOB, Stage, VIDEO, outcomes, snapshot } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

const restarts = (stage: Stage) => stage.socket.sent.filter(({ sdp }) => `${sdp as string}`.includes("restart")).length;

describe("the media stop", () => {
  test("and come back by themselves", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    const links: string[] = [];
    call.on("link", (link) => links.push(link));
    stage.pc.becomes("disconnected");
    await stage.timers.pass(1_500);
    stage.pc.becomes("connected");
    await stage.timers.pass(30_000);
    expect([links, restarts(stage)]).toEqual([["reconnecting", "fine"], 0]);
    expect(stage.count("call:connected")).toBe(1);
  });

  test("and come back by an ICE restart", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.pc.becomes("disconnected");
    await stage.timers.pass(2_100);
    expect((await stage.acks("webrtc:offer")).sdp).toMatch(/restart/);
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    stage.pc.becomes("connected");
    expect([call.state, call.link]).toEqual(["connected", "fine"]);
  });

  test("and don't come back: a few restarts, and the call is over", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    const seen = outcomes(call);
    stage.pc.becomes("disconnected");
    await stage.timers.pass(2_100);
    for (let tries = 0; tries < 3; tries += 1) {
      await stage.acks("webrtc:offer");
      await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
      expect(seen).toEqual([]);
      await stage.timers.pass(8_000);
    }
    expect([restarts(stage), seen]).toMatchObject([3, [{ reason: "ice_failed" }]]);
    expect(stage.asked("call:end").reason).toBe("ice_failed");
  });

  test("a failure is no reason to wait", async () => {
    const stage = await Stage.online();
    await stage.talks();
    stage.pc.becomes("failed");
    await settle();
    expect(restarts(stage)).toBe(1);
  });

  test("what was tried without the gateway does not count", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.socket.breaks();
    stage.pc.becomes("disconnected");
    await stage.timers.pass(20_000);
    await stage.welcome({ resumed: true });
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    await stage.timers.pass(10_000);
    expect(call.state).toBe("connected");
    stage.pc.becomes("connected");
    expect(call.link).toBe("fine");
  });

  test("there never was a way for them: the call is over, and it is said what the server has against it", async () => {
    const stage = await Stage.online();
    const call = await stage.calls();
    stage.pc.fire("icecandidateerror", { url: "turn:a:1", errorCode: 401, errorText: "Unauthorized" });
    stage.pc.finds(null);
    expect(call.outcome).toMatchObject({ reason: "ice_failed", error: { code: "media_failed" } });
    expect(call.outcome?.error?.message).toContain("turn:a:1: 401 Unauthorized");
    expect(stage.asked("call:end").reason).toBe("ice_failed");
  });

  test("no way for them is found while the network is another: they have flowed, and may come back", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.pc.finds(null);
    expect(call.state).toBe("connected");
  });

  test("it is the peer who is away", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    await stage.tells("c1", { type: "call:peer", status: "reconnecting" });
    expect(call.link).toBe("peer_reconnecting");
    await stage.tells("c1", { type: "call:peer", status: "back" });
    expect(call.link).toBe("fine");
  });
});

describe("the connection breaks in the middle of a call", () => {
  test("the session goes on: what was missed arrives, and nothing else is done", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    const before = [...stage.pc.log];
    const hello = await stage.comesBack({ session: "s1", resumed: true });
    expect(hello.seen).toEqual({ c1: call.seq });
    expect([stage.types, stage.pc.log]).toEqual([["hello"], before]);
    await stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB });
    expect(call.outcome?.reason).toBe("hangup");
  });

  test("a call that has ended is named for as long as the gateway would replay it", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    await stage.tells("c1", { type: "call:ended", reason: "cancelled", by: BOB }, 9);
    expect((await stage.comesBack({ resumed: true })).seen).toEqual({ c1: 9 });
    await stage.tells("c1", { type: "call:incoming", from: BOB, media: AUDIO }, 1);
    expect(stage.rings).toEqual([call]);
    await stage.timers.pass(120_000);
    expect((await stage.comesBack({ resumed: true })).seen).toEqual({});
  });

  test("events are missing: a call that is not listed has ended", async () => {
    const stage = await Stage.online();
    const seen = outcomes(await stage.talks());
    await stage.comesBack({ resumed: false });
    expect(seen).toEqual([{ reason: "connection_lost" }]);
    expect(stage.devices.live).toBe(0);
    // It is not named again: the gateway could not go on from what it does not know.
    expect((await stage.comesBack({ resumed: true })).seen).toEqual({});
  });

  test("events are missing: one that we have left and that is not listed either need not be told", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.socket.breaks();
    void call.end();
    await stage.timers.pass(1_000);
    await stage.welcome({ session: "s2" });
    await stage.refuses("call:end", "no_such_call");
    expect([call.outcome?.reason, (await stage.comesBack({ session: "s2", resumed: true })).seen]).toEqual(["hangup", {}]);
    expect(stage.count("call:end")).toBe(0);
  });

  test("events are missing: one that lives goes on, by new routes", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    await stage.comesBack({ session: "s1", calls: [snapshot()] });
    expect([call.state, restarts(stage)]).toEqual(["connected", 1]);
    // What the snapshot stands for has been heard.
    await stage.tells("c1", { type: "call:ended", reason: "hangup" }, 49);
    expect(call.state).toBe("connected");
    await stage.tells("c1", { type: "call:ended", reason: "hangup" }, 51);
    expect(call.state).toBe("ended");
  });

  test("events are missing: the offer that ours had yielded to may be one of them", async () => {
    const stage = await Stage.online();
    await stage.talks();
    stage.pc.restartIce();
    await stage.refuses("webrtc:offer", "glare");
    await stage.comesBack({ session: "s1", calls: [snapshot()] });
    expect([stage.count("webrtc:offer"), restarts(stage)]).toEqual([1, 1]);
  });

  test("events are missing: it was accepted meanwhile", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.acks("call:init", { call: "c1" });
    await stage.comesBack({ session: "s2", calls: [snapshot({ state: "connecting" })] });
    expect([call.state, call.peer]).toEqual(["connecting", BOB]);
    expect(stage.asked("webrtc:offer").sdp).toBe("offer 1 audio video");
  });

  test("events are missing: it rings still", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    await stage.comesBack({ session: "s2", calls: [snapshot({ state: "ringing", role: "callee" })] });
    expect([call.state, stage.rings.length]).toEqual(["ringing", 1]);
    void call.accept();
    await stage.acks("call:accept");
    expect(call.state).toBe("connecting");
  });

  test("events are missing: both have reported media", async () => {
    const stage = await Stage.online();
    const call = await stage.calls();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    stage.pc.becomes("connected");
    await stage.acks("call:connected");
    await stage.comesBack({ session: "s2", calls: [snapshot()] });
    expect(call.state).toBe("connected");
  });

  test("a call that was placed although its reply got lost is found in the list", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", VIDEO);
    await stage.comesBack({ session: "s2", calls: [snapshot({ call: "c7", state: "ringing" })] });
    expect([call.id, call.state, stage.client.calls]).toEqual(["c7", "ringing", [call]]);
    await stage.tells("c7", { type: "call:accepted", by: BOB }, 60);
    expect(stage.asked("webrtc:offer").call).toBe("c7");
  });

  test("she has hung up meanwhile, which is told", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.socket.breaks();
    void call.end();
    expect(call.state).toBe("ended");
    await stage.timers.pass(1_000);
    const hello = await stage.welcome({ session: "s1", resumed: true });
    expect(hello.seen).toHaveProperty("c1");
    await stage.acks("call:end");
    // Its last event may come after the reply.
    await stage.tells("c1", { type: "call:ended", reason: "hangup" }, 77);
    expect((await stage.comesBack({ resumed: true })).seen).toEqual({ c1: 77 });
  });

  test("it is closed for good", async () => {
    const stage = await Stage.online();
    const seen = outcomes(await stage.talks());
    stage.socket.breaks(4503);
    await settle();
    expect(seen).toEqual([{ reason: "connection_lost" }]);
    expect([stage.closed.length, stage.timers.waiting, stage.devices.live]).toEqual([1, 0, 0]);
  });
});

describe("a page that was loaded anew", () => {
  test("rings where its device is being called", async () => {
    const stage = await Stage.online({}, { calls: [snapshot({ state: "ringing", role: "callee", seq: 3 })] });
    expect(stage.rings).toMatchObject([{ id: "c1", state: "ringing", peer: BOB }]);
    expect(stage.asked("call:ringing").call).toBe("c1");
  });

  test("hears the ring of a listed call once, with what the list leaves out", async () => {
    const stage = await Stage.online({}, { calls: [snapshot({ state: "ringing", role: "callee", peer: { user: "bob" }, seq: 0 })] });
    await stage.tells("c1", { type: "call:incoming", from: BOB, media: VIDEO, metadata: { subject: "lunch" } });
    expect(stage.rings).toMatchObject([{ peer: BOB, metadata: { subject: "lunch" } }]);
    // The first time it may not have rung yet, by the gateway.
    expect(stage.count("call:ringing")).toBe(2);
  });

  test("goes on with a call, and makes an offer: the other side has heard that it is new", async () => {
    const stage = new Stage();
    const calls: Call[] = [];
    stage.client.on("call", (call) => calls.push(call));
    stage.client.open();
    await stage.welcome({ calls: [snapshot({ role: "callee", created_at: 1_789_999_940_000 })] });
    expect(calls).toMatchObject([{ id: "c1", role: "callee", state: "connected", link: "reconnecting", connectedAt: 1_789_999_940_000 }]);
    expect(await stage.acks("webrtc:offer")).toMatchObject({ call: "c1", sdp: "offer 1 audio video" });
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" }, 60);
    stage.pc.becomes("connected");
    await stage.acks("call:connected");
    expect([stage.rings, calls[0]?.link]).toEqual([[], "fine"]);
  });

  test("answers the offer that was open, where there was one", async () => {
    const stage = await Stage.online({}, { calls: [snapshot({ role: "callee", state: "connecting" })] });
    await stage.refuses("webrtc:offer", "glare");
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" }, 51);
    await stage.acks("webrtc:answer");
    expect([stage.pc.signalingState, stage.pc.sending]).toEqual(["stable", ["audio", "video"]]);
  });

  test("waits for the answer to the offer of before, and offers then", async () => {
    const stage = await Stage.online({}, { calls: [snapshot()] });
    await stage.refuses("webrtc:offer", "invalid_state", { state: "connected" });
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer to what is gone" }, 51);
    expect([stage.pc.signalingState, stage.count("webrtc:offer")]).toEqual(["have-local-offer", 2]);
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" }, 52);
    expect(stage.pc.log).toEqual(["local offer", "remote answer"]);
  });

  test("may be too early with its offer: the caller's comes first", async () => {
    const stage = await Stage.online({}, { calls: [snapshot({ role: "callee", state: "connecting" })] });
    await stage.refuses("webrtc:offer", "invalid_state", { state: "connecting" });
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio video" }, 51);
    await stage.acks("webrtc:answer");
    stage.pc.restartIce();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" }, 52);
    expect([stage.pc.signalingState, stage.count("webrtc:offer")]).toEqual(["stable", 2]);
  });

  test("goes on with a call that rings over there", async () => {
    const stage = await Stage.online({}, { calls: [snapshot({ state: "ringing", seq: 1 })] });
    const [call] = stage.client.calls;
    expect([call?.state, call?.role, stage.count("webrtc:offer")]).toEqual(["ringing", "caller", 0]);
    await stage.tells("c1", { type: "call:accepted", by: BOB }, 2);
    expect(stage.asked("webrtc:offer").sdp).toBe("offer 1 audio video");
  });

  test("gives up when nobody answers", async () => {
    const stage = await Stage.online({}, { calls: [snapshot()] });
    const [call] = stage.client.calls;
    await stage.acks("webrtc:offer");
    await stage.timers.pass(40_000);
    expect(call?.outcome?.reason).toBe("ice_failed");
  });

  test("is not rung by what has ended", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1", AUDIO);
    void call.reject();
    await stage.acks("call:reject");
    await stage.tells("c1", { type: "call:incoming", from: BOB, media: AUDIO }, 1);
    expect(stage.rings).toEqual([call]);
  });
});

describe("what a person has chosen", () => {
  const rejoined = async (browser: FakeBrowser, call = "c1") => {
    const stage = await Stage.online({}, { calls: [snapshot({ call })] }, browser);
    await settle();
    return stage;
  };

  test("is as it was after the page was loaded anew: nobody is unmuted, or seen, by a reload", async () => {
    const browser = new FakeBrowser();
    const stage = await Stage.online({}, undefined, browser);
    const call = await stage.talks(VIDEO);
    call.mute();
    await call.camera(false);
    const after = await rejoined(browser);
    expect(after.devices.asked).toEqual([{ audio: true }]);
    expect(after.client.calls).toMatchObject([{ muted: true, cameraOn: false, state: "connected" }]);
    expect(after.devices.given[0]?.getAudioTracks()[0]?.enabled).toBe(false);
  });

  test("is of that call alone, and gone with it", async () => {
    const browser = new FakeBrowser();
    const stage = await Stage.online({}, undefined, browser);
    const call = await stage.talks(VIDEO);
    call.mute();
    expect((await rejoined(browser, "c2")).client.calls).toMatchObject([{ muted: false, cameraOn: true }]);
    call.mute();
    void call.end();
    expect([...browser.kept.keys()].filter((key) => key.includes("choices"))).toEqual([]);
  });

  test("that can't be read is none", async () => {
    const browser = new FakeBrowser();
    browser.kept.set("ringback-choices", "{");
    expect((await rejoined(browser)).client.calls).toMatchObject([{ muted: false, cameraOn: true }]);
  });
});

describe("the peer's page was loaded anew", () => {
  const old = "o=- 111 2 IN IP4 127.0.0.1\r\nanswer audio video";
  const anew = "o=- 222 2 IN IP4 127.0.0.1\r\noffer audio video";

  async function talking(): Promise<{ stage: Stage; call: Call; before: FakePeerConnection }> {
    const stage = await Stage.online();
    const call = await stage.calls();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: old });
    stage.pc.becomes("connected");
    await stage.acks("call:connected");
    await stage.tells("c1", { type: "call:connected", setup_ms: 800 });
    return { stage, call, before: stage.pc };
  }

  test("a new peer connection takes the old one's place, and offers", async () => {
    const { stage, call, before } = await talking();
    call.mute();
    await stage.tells("c1", { type: "call:peer", status: "reconnecting" });
    await stage.tells("c1", { type: "call:peer", status: "back", resumed: false });
    expect(stage.pc).not.toBe(before);
    expect([before.signalingState, before.listening]).toEqual(["closed", 0]);
    expect([call.peerConnection === (stage.pc as unknown), call.link, call.muted]).toEqual([true, "reconnecting", true]);
    expect((await stage.acks("webrtc:offer")).sdp).toBe("offer 1 audio video");
    await stage.tells("c1", { type: "webrtc:answer", sdp: anew });
    stage.pc.becomes("connected");
    expect([call.state, call.link, stage.devices.given.length]).toEqual(["connected", "fine", 1]);
  });

  test("both offer: one of them yields", async () => {
    const { stage, call } = await talking();
    await stage.tells("c1", { type: "call:peer", status: "back", resumed: false });
    await stage.refuses("webrtc:offer", "glare");
    await stage.tells("c1", { type: "webrtc:offer", sdp: anew });
    await stage.acks("webrtc:answer");
    stage.pc.becomes("connected");
    expect([stage.pc.log, call.link]).toEqual([["local offer", "local rollback", "remote offer", "local answer"], "fine"]);
  });

  test("the callee offers as well as the caller", async () => {
    const stage = await Stage.online();
    await stage.answers();
    await stage.tells("c1", { type: "webrtc:offer", sdp: old });
    await stage.acks("webrtc:answer");
    await stage.tells("c1", { type: "call:peer", status: "back", resumed: false });
    expect(stage.asked("webrtc:offer").sdp).toBe("offer 1 audio video");
  });

  test("and then nobody answers: that is not waited for without an end", async () => {
    const { stage, call } = await talking();
    await stage.tells("c1", { type: "call:peer", status: "back", resumed: false });
    await stage.acks("webrtc:offer");
    await stage.timers.pass(40_000);
    expect(call.outcome?.reason).toBe("ice_failed");
  });

  test("its offer shows that it is new, should nothing else", async () => {
    const { stage, before } = await talking();
    await stage.tells("c1", { type: "webrtc:offer", sdp: anew });
    await stage.tells("c1", { type: "webrtc:ice", candidates: [{ candidate: "a" }] });
    await stage.acks("webrtc:answer");
    expect([stage.pc === before, stage.pc.log, stage.pc.candidates]).toEqual([false, ["remote offer", "local answer"], [{ candidate: "a" }]]);
  });

  test("and so does its answer to an offer to the page of before", async () => {
    const { stage, before } = await talking();
    before.restartIce();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: anew });
    expect(stage.pc).not.toBe(before);
    expect((await stage.acks("webrtc:offer")).sdp).toBe("offer 1 audio video");
    // It was made by the other side's present peer connection.
    await stage.tells("c1", { type: "webrtc:answer", sdp: anew });
    expect(stage.pc.signalingState).toBe("stable");
  });

  test("an answer that is on its way to the old peer connection is not the new one's", async () => {
    const { stage, before } = await talking();
    before.restartIce();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "call:peer", status: "back", resumed: false });
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: old });
    expect(stage.pc.signalingState).toBe("have-local-offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: anew });
    expect(stage.pc.log).toEqual(["local offer", "remote answer"]);
  });

  test("nor where an offer of the old one comes first, though ours was taken", async () => {
    const { stage, before } = await talking();
    before.restartIce();
    await stage.acks("webrtc:offer");
    // Withdrawn before ours was taken, and late.
    await stage.tells("c1", { type: "webrtc:offer", sdp: old });
    await stage.refuses("webrtc:answer", "invalid_state", { state: "connected" });
    await stage.tells("c1", { type: "call:peer", status: "back", resumed: false });
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: old });
    expect(stage.pc.signalingState).toBe("have-local-offer");
    await stage.tells("c1", { type: "webrtc:answer", sdp: anew });
    expect(stage.pc.log).toEqual(["local offer", "remote answer"]);
  });

  test("so is ours to the peer, when our session is a fresh one", async () => {
    const { stage, before } = await talking();
    await stage.comesBack({ session: "s2", calls: [snapshot()] });
    expect(stage.pc).not.toBe(before);
    expect(stage.asked("webrtc:offer").sdp).toBe("offer 1 audio video");
  });
});
