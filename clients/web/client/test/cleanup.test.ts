import { describe, expect, test } from "vitest";
import { FakeStream } from "./support/fake-media.ts";
import { FakePeerConnection } from "./support/fake-peer-connection.ts";
import { AUDIO, BOB, Stage, VIDEO, outcomes } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

/** What a call that is over holds on to; the ping of the connection is not its own. */
function held(stage: Stage, remote: FakeStream): Record<string, unknown> {
  return {
    tracks: stage.devices.live,
    listeners: stage.pc.listening + remote.getTracks().reduce((sum, track) => sum + track.listening, 0),
    pc: stage.pc.signalingState,
    calls: stage.client.calls.length,
    timers: stage.timers.waiting - 1,
  };
}

const NOTHING = { tracks: 0, listeners: 0, pc: "closed", calls: 0, timers: 0 };

async function talking(): Promise<{ stage: Stage; remote: FakeStream }> {
  const stage = await Stage.online();
  await stage.talks();
  const remote = new FakeStream("audio", "video");
  stage.pc.brings(remote);
  expect(stage.pc.listening).toBeGreaterThan(3);
  return { stage, remote };
}

describe("nothing is left of a call", () => {
  test("that the peer has ended", async () => {
    const { stage, remote } = await talking();
    await stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB });
    await stage.acks("call:report");
    expect(held(stage, remote)).toEqual(NOTHING);
  });

  test("that was hung up while its media were being mended, with candidates on their way", async () => {
    const { stage, remote } = await talking();
    const [call] = stage.client.calls;
    stage.pc.becomes("disconnected");
    stage.pc.finds("a");
    await stage.timers.pass(2_020);
    await stage.acks("webrtc:offer");
    stage.pc.finds("b");
    void call?.end();
    await stage.acks("call:end");
    await stage.acks("call:report");
    expect(held(stage, remote)).toMatchObject({ tracks: 0, listeners: 0, pc: "closed", calls: 0 });
    await stage.timers.pass(31_000);
    expect(stage.count("webrtc:ice")).toBe(1);
  });

  test("that ended while the person was asked for the camera", async () => {
    const stage = await Stage.online();
    let allow = () => {};
    stage.devices.hesitation = new Promise((done) => (allow = done));
    await stage.calls();
    await stage.tells("c1", { type: "call:ended", reason: "hangup" });
    allow();
    await settle();
    expect(stage.devices.given.length).toBe(1);
    expect(held(stage, new FakeStream())).toMatchObject({ tracks: 0, listeners: 0, pc: "closed" });
  });

  test("that ended in the middle of a description", async () => {
    const stage = await Stage.online();
    const call = await stage.answers();
    const seen = outcomes(call);
    stage.says({ call: "c1", seq: 50, at: 1, type: "webrtc:offer", sdp: "offer audio video" });
    stage.says({ call: "c1", seq: 51, at: 1, type: "call:ended", reason: "hangup" });
    await settle();
    await stage.acks("call:report");
    expect(seen).toEqual([{ reason: "hangup" }]);
    expect(stage.count("webrtc:answer")).toBe(0);
    expect(held(stage, new FakeStream())).toEqual(NOTHING);
  });

  test("that ended before a description had its turn", async () => {
    const stage = await Stage.online();
    await stage.answers();
    stage.pc.getStats = () => new Promise(() => {});
    stage.says({ call: "c1", seq: 50, at: 1, type: "webrtc:offer", sdp: "offer audio video" });
    stage.says({ call: "c1", seq: 51, at: 1, type: "call:ended", reason: "hangup" });
    await settle();
    expect(stage.pc.log).toEqual([]);
  });

  test("whose events come late", async () => {
    const { stage, remote } = await talking();
    const [call] = stage.client.calls;
    void call?.end();
    await stage.tells("c1", { type: "webrtc:offer", sdp: "offer audio" });
    await stage.tells("c1", { type: "webrtc:ice", candidates: [null] });
    await stage.acks("call:end");
    await stage.acks("call:report");
    await stage.tells("c1", { type: "call:ended", reason: "hangup" });
    await stage.timers.pass(2_000);
    expect(held(stage, remote)).toEqual(NOTHING);
  });

  test("whose peer connection the browser will not make", async () => {
    const stage = await Stage.online({ configuration: { iceTransportPolicy: "nonsense" as RTCIceTransportPolicy } });
    const call = stage.client.call("bob", VIDEO);
    await stage.acks("call:init", { call: "c1" });
    FakePeerConnection.refusing = true;
    await stage.tells("c1", { type: "call:accepted", by: BOB });
    FakePeerConnection.refusing = false;
    expect(call.outcome).toMatchObject({ reason: "ice_failed", error: { code: "media_failed", cause: { name: "SyntaxError" } } });
    await stage.acks("call:end");
    expect([stage.devices.live, stage.client.calls]).toEqual([0, []]);
  });

  test("that is lost on the way", async () => {
    const { stage, remote } = await talking();
    await stage.comesBack({ session: "s2" });
    await stage.refuses("call:report", "no_such_call");
    expect(held(stage, remote)).toEqual(NOTHING);
  });
});

describe("media that are denied", () => {
  test("end the caller's call while it rings", async () => {
    const stage = await Stage.online();
    stage.devices.failing = { audio: "NotAllowedError" };
    const seen = outcomes(stage.client.call("bob", VIDEO));
    await settle();
    expect(seen).toMatchObject([{ reason: "media_denied", error: { code: "permission_denied" } }]);
    await stage.acks("call:init", { call: "c1" });
    expect(stage.asked("call:end")).toMatchObject({ call: "c1", reason: "media_denied" });
  });

  test("end the callee's, once it is hers", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1");
    stage.devices.failing = { video: "NotAllowedError" };
    const accepted = call.accept();
    await expect(accepted).rejects.toMatchObject({ code: "permission_denied" });
    await stage.acks("call:accept");
    expect([call.outcome?.reason, stage.asked("call:end").reason]).toEqual(["media_denied", "media_denied"]);
    expect(stage.types.indexOf("call:end")).toBeGreaterThan(stage.types.indexOf("call:accept"));
  });

  test.each([
    ["NotAllowedError", "permission_denied"],
    ["NotFoundError", "device_not_found"],
    ["OverconstrainedError", "device_not_found"],
    ["NotReadableError", "device_in_use"],
    ["TypeError", "not_supported"],
    ["WhateverError", "media_failed"],
  ])("say why: %s is %s", async (name, code) => {
    const stage = await Stage.online();
    stage.devices.failing = { audio: name };
    const seen = outcomes(stage.client.call("bob", AUDIO));
    await settle();
    expect(seen).toMatchObject([{ reason: "media_denied", error: { code, cause: { name } } }]);
    expect([stage.devices.live, FakePeerConnection.made.length]).toEqual([0, 0]);
  });
});

describe("a report", () => {
  test("says why the media never flowed", async () => {
    const stage = await Stage.online();
    await stage.calls();
    await stage.acks("webrtc:offer");
    await stage.tells("c1", { type: "call:ended", reason: "setup_timeout" });
    expect(stage.asked("call:report").stats).toEqual({ failure: "setup_timeout" });
  });

  test("says that they stopped for good", async () => {
    const stage = await Stage.online();
    await stage.talks();
    await stage.tells("c1", { type: "call:ended", reason: "connection_lost" });
    expect(stage.asked("call:report").stats).toEqual({ failure: "connection_lost" });
  });

  test("that can't be made or sent harms nobody", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.pc.getStats = () => Promise.reject(new Error("no stats"));
    void call.end();
    await stage.refuses("call:report", "buffer_full");
    expect(call.state).toBe("ended");
  });

  test("has the path of before, where the connection that failed has none, and why", async () => {
    const stage = await Stage.online();
    const call = await stage.calls();
    await stage.acks("webrtc:offer");
    stage.pc.stats = new Map<string, object>([
      ["P", { type: "candidate-pair", selected: true, localCandidateId: "L", remoteCandidateId: "L" }],
      ["L", { type: "local-candidate", candidateType: "relay", protocol: "udp" }],
    ]);
    stage.pc.becomes("connected");
    await settle();
    expect((await call.stats()).path?.local.type).toBe("relay");
    stage.pc.stats = new Map();
    for (let tries = 0; tries < 4; tries += 1) stage.pc.becomes("failed");
    await settle();
    expect(stage.asked("call:report").stats).toEqual({ pair: ["relay", "relay"], protocol: "udp", failure: "ice_failed" });
    expect(await call.stats()).toEqual({ audio: {}, video: {} });
  });

  test("is not waited for", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.pc.getStats = () => new Promise(() => {});
    void call.end();
    await stage.acks("call:end");
    expect([call.state, stage.devices.live, stage.pc.listening]).toEqual(["ended", 0, 0]);
    await stage.timers.pass(300);
    await stage.acks("call:report");
    expect(held(stage, new FakeStream())).toEqual(NOTHING);
  });

  test("of what goes on settles, where the browser forgets about it as the peer connection is closed", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.pc.getStats = () => new Promise(() => {});
    const stats = call.stats();
    void call.end();
    expect(await stats).toEqual({ audio: {}, video: {} });
  });

  test("knows the pair as Firefox has it", async () => {
    const stage = await Stage.online();
    const call = await stage.talks();
    stage.pc.stats = new Map<string, object>([
      ["O", { type: "candidate-pair", selected: false, localCandidateId: "L", remoteCandidateId: "L" }],
      ["P", { type: "candidate-pair", selected: true, localCandidateId: "L", remoteCandidateId: "R" }],
      ["L", { type: "local-candidate", candidateType: "srflx", protocol: "udp" }],
      ["R", { type: "remote-candidate", candidateType: "host" }],
    ]);
    void call.end();
    await settle();
    expect(stage.asked("call:report").stats).toEqual({ pair: ["srflx", "host"], protocol: "udp" });
  });
});

test("after a hundred calls of every kind there is nothing left of them", async () => {
  const stage = await Stage.online();
  const before = stage.timers.waiting;
  const remotes: FakeStream[] = [];
  const endings = [
    async (id: string) => stage.tells(id, { type: "call:ended", reason: "hangup", by: BOB }),
    async () => {
      void stage.client.calls[0]?.end();
      await stage.acks("call:end");
    },
    async () => {
      for (let tries = 0; tries < 4; tries += 1) stage.pc.becomes("failed");
      await stage.acks("call:end");
    },
  ];
  for (let number = 0; number < 100; number += 1) {
    const id = `c${number}`;
    if (number % 4 === 3) {
      // Nobody answers.
      stage.client.call("bob", VIDEO);
      await stage.acks("call:init", { call: id });
      await stage.tells(id, { type: "call:ended", reason: "no_answer" });
      continue;
    }
    const call = await (number % 2 === 0 ? stage.talks(VIDEO, id) : stage.answers(VIDEO, id));
    const remote = new FakeStream("audio", "video");
    stage.pc.brings(remote);
    remotes.push(remote);
    await call.shareScreen(true);
    await endings[number % 3]?.(id);
    await settle();
    expect(call.state).toBe("ended");
    if (stage.count("call:report") > 0) await stage.acks("call:report");
  }
  await stage.timers.pass(5_000);
  const connections = FakePeerConnection.made;
  expect(connections.length).toBe(75);
  expect(connections.filter(({ signalingState, listening }) => signalingState !== "closed" || listening > 0)).toEqual([]);
  expect(remotes.flatMap((remote) => remote.getTracks()).filter(({ listening }) => listening > 0)).toEqual([]);
  expect([stage.devices.live, stage.devices.listening, stage.client.calls.length, stage.timers.waiting]).toEqual([0, 0, 0, before]);
});

test("to leave is to hang up, but not to decline for the other devices", async () => {
  const stage = await Stage.online();
  await stage.tells("c2", { type: "call:incoming", from: { user: "carol", device: "tablet" }, media: VIDEO });
  await stage.talks();
  stage.client.close();
  await settle();
  expect([stage.count("call:end"), stage.count("call:reject"), stage.devices.live]).toEqual([1, 0, 0]);
  expect([stage.client.state, stage.client.calls, stage.timers.waiting]).toEqual(["closed", [], 0]);
  expect(stage.asked("call:end").call).toBe("c1");
});
