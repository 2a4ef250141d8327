import { describe, expect, test } from "vitest";
import { RingbackError } from "../src/index.ts";
import { FakeSocket } from "./support/fake-socket.ts";
import { AUDIO, BOB, Stage, outcomes } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

const opened = () => FakeSocket.opened.length;

describe("getting in", () => {
  test("the first frame says who is there, and what is asked before goes out after the welcome", async () => {
    const stage = new Stage();
    stage.client.open();
    await settle();
    expect(stage.client.state).toBe("connecting");
    expect([stage.socket.url, stage.socket.protocol]).toEqual(["ws://gateway/v1/ws", "ringback.v1.json"]);
    const call = stage.client.call("bob", AUDIO);
    const hello = await stage.welcome();
    expect(hello).toMatchObject({ token: "alice", device: "laptop", client: { name: "ringback-js" } });
    expect(hello).not.toHaveProperty("session");
    expect([stage.client.state, stage.client.user]).toEqual(["online", "alice"]);
    expect(stage.types).toEqual(["hello", "call:init"]);
    expect(call.state).toBe("ringing");
  });

  test("a token is asked for anew before each connection, and one that can't be had is waited for", async () => {
    const tokens = ["first", undefined, "second"];
    const token = async () => {
      const next = tokens.shift();
      if (next === undefined) throw new Error("not now");
      return next;
    };
    const stage = await Stage.online({ token });
    expect(stage.asked("hello").token).toBe("first");
    stage.socket.breaks();
    await stage.timers.pass(2_000);
    const hello = await stage.welcome();
    expect(hello.token).toBe("second");
  });

  test("who comes back to a session says so before anything else", async () => {
    const stage = await Stage.online({ url: "wss://gateway/v1/ws?app=1" });
    expect(stage.socket.url).toBe("wss://gateway/v1/ws?app=1");
    stage.socket.breaks();
    await stage.timers.pass(2_000);
    expect(stage.socket.url).toBe("wss://gateway/v1/ws?app=1&resume");
  });

  test("a gateway that does not answer is left", async () => {
    const stage = new Stage();
    stage.client.open();
    await settle();
    const silent = stage.socket;
    await stage.timers.pass(10_500);
    expect(silent.isHeard).toBe(false);
    expect(stage.socket).not.toBe(silent);
  });

  test("an address that is none is told at once, and not tried again", async () => {
    const stage = new Stage({ url: "nonsense:" });
    stage.client.open();
    await stage.timers.pass(60_000);
    expect([stage.client.state, stage.closed, stage.timers.waiting]).toMatchObject(["closed", [{ code: 0, reason: expect.stringMatching(/nonsense/) as string }], 0]);
  });

  test("a gateway that is not ready says when", async () => {
    const stage = new Stage();
    stage.client.open();
    await settle();
    stage.socket.opens();
    await stage.refuses("hello", "unavailable", { retry_after_ms: 5_000 });
    stage.socket.breaks(4000);
    await stage.timers.pass(4_900);
    expect(opened()).toBe(1);
    await stage.timers.pass(350);
    expect(opened()).toBe(2);
  });

  test("a token is renewed ahead of its time, each time", async () => {
    const stage = new Stage({ token: () => "fresh" });
    stage.client.open();
    const start = stage.timers.now();
    await stage.welcome({ token_expires_at: start + 100_000, heartbeat_ms: 1_000_000 });
    await stage.timers.pass(69_000);
    expect(stage.count("token")).toBe(0);
    await stage.timers.pass(2_000);
    await stage.acks("token", { token_expires_at: start + 200_000 });
    await stage.timers.pass(100_000);
    expect(stage.count("token")).toBe(2);
  });
});

describe("coming back", () => {
  test("the session goes on, and what has no reply is asked again under the same number", async () => {
    const stage = await Stage.online();
    stage.client.call("bob", AUDIO);
    const first = stage.asked("call:init");
    const hello = await stage.comesBack({ session: "s1", resumed: true });
    expect(hello).toMatchObject({ session: "s1", seen: {} });
    expect(stage.asked("call:init")).toEqual(first);
    await stage.acks("call:init", { call: "c1" });
    stage.socket.breaks();
    await stage.timers.pass(1_000);
    await stage.welcome({ session: "s1", resumed: true });
    expect(stage.count("call:init")).toBe(0);
    expect(stage.asked("hello").seen).toEqual({ c1: 0 });
  });

  test("numbers only grow, whatever session they are for", async () => {
    const stage = await Stage.online();
    stage.client.call("bob", AUDIO);
    const asked = stage.socket.sent.map(({ id }) => id);
    await stage.comesBack({ session: "s2" });
    const hello = stage.asked("hello");
    expect(hello.id).toBeGreaterThan(Math.max(...asked));
  });

  test("a reply that is lost with its session is an error, not a silence", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", AUDIO);
    const seen = outcomes(call);
    await stage.comesBack({ session: "s2" });
    expect(seen).toEqual([{ reason: "failed", error: expect.objectContaining({ code: "disconnected" }) as RingbackError }]);
  });

  test("in a call it is back soon, however long the network was away", async () => {
    for (const inCall of [true, false]) {
      const stage = await Stage.online();
      if (inCall) await stage.talks();
      for (let second = 0; second < 20; second += 1) {
        stage.socket.breaks();
        await stage.timers.pass(1_000);
      }
      const tries = opened() - 1;
      if (inCall) expect(tries).toBe(20);
      else expect(tries).toBeLessThan(10);
      stage.client.close();
    }
  });

  test("what is wrong with the network is tried again, what is wrong with us is not", async () => {
    for (const code of [1000, 1001, 1006, 4000, 4001, 4002, 4003, 4499]) {
      const stage = await Stage.online();
      stage.socket.breaks(code);
      expect(stage.client.state, `${code}`).toBe("waiting");
      await stage.timers.pass(1_000);
      expect(opened(), `${code}`).toBe(2);
    }
    for (const code of [4500, 4501, 4502, 4503, 4504, 4505, 4999]) {
      const stage = await Stage.online();
      stage.socket.breaks(code);
      await stage.timers.pass(60_000);
      expect([stage.client.state, opened()], `${code}`).toEqual(["closed", 1]);
      expect(stage.closed).toEqual([{ code, reason: "" }]);
      expect(stage.timers.waiting, `${code}`).toBe(0);
    }
  });

  test("a gateway that goes away is left when it says, and the session goes on elsewhere", async () => {
    const stage = await Stage.online();
    const old = stage.socket;
    stage.says({ type: "goaway", reconnect_after_ms: 1_800, reason: "draining" });
    await stage.timers.pass(1_700);
    expect(opened()).toBe(1);
    await stage.timers.pass(200);
    expect([opened(), old.closedBy, old.isHeard]).toEqual([2, 1000, false]);
    const hello = await stage.welcome({ resumed: true });
    expect(hello.session).toBe("s1");
  });

  test("silence after a ping is a broken connection", async () => {
    const stage = await Stage.online();
    await stage.timers.pass(50_000);
    expect([stage.count("ping"), opened()]).toEqual([2, 1]);
    stage.socket.answersPings = false;
    await stage.timers.pass(17_000);
    expect([stage.count("ping"), opened()]).toEqual([3, 1]);
    await stage.timers.pass(2_000);
    expect(opened()).toBe(2);
  });

  test("a probe tries at once, and asks a connection whether it lives", async () => {
    const stage = await Stage.online();
    stage.client.probe();
    expect(stage.count("ping")).toBe(1);
    stage.socket.breaks();
    stage.client.probe();
    await settle();
    expect(opened()).toBe(2);
  });
});

describe("asking", () => {
  test("a store that is away may have done it: it is asked again, under the same number", async () => {
    const stage = await Stage.online();
    const call = stage.client.call("bob", AUDIO);
    const first = await stage.refuses("call:init", "unavailable", { retry_after_ms: 500 });
    await stage.timers.pass(400);
    expect(stage.count("call:init")).toBe(1);
    await stage.timers.pass(600);
    expect([stage.count("call:init"), stage.asked("call:init")]).toEqual([2, first]);
    await stage.acks("call:init", { call: "c1" });
    expect(call.id).toBe("c1");
  });

  test("what comes behind it waits, if it is of the same call", async () => {
    const stage = await Stage.online();
    await stage.calls(AUDIO);
    const before = stage.types.length;
    stage.pc.finds("a", null);
    await stage.refuses("webrtc:offer", "unavailable", { retry_after_ms: 500 });
    await stage.refuses("webrtc:ice", "unavailable", { retry_after_ms: 500 });
    stage.pc.finds("b", null);
    void stage.client.call("carol", AUDIO);
    await stage.acks("call:init", { call: "c5" });
    await stage.tells("c5", { type: "call:accepted", by: { user: "carol", device: "tablet" } });
    expect(stage.types.slice(before)).toEqual(["webrtc:ice", "call:init", "webrtc:offer"]);
    await stage.timers.pass(1_000);
    expect(stage.types.slice(before + 3)).toEqual(["webrtc:offer", "webrtc:ice"]);
    await stage.acks("webrtc:ice");
    stage.says({ type: "ack", id: stage.socket.sent[before + 3]?.id });
    expect(stage.types.slice(before + 3)).toEqual(["webrtc:offer", "webrtc:ice", "webrtc:ice"]);
    const ids = stage.socket.sent.slice(before + 3).map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((one, other) => one - other));
  });

  test("but not for ever", async () => {
    const stage = await Stage.online();
    const seen = outcomes(stage.client.call("bob", AUDIO));
    for (let second = 0; second < 31; second += 1) {
      await stage.refuses("call:init", "unavailable", { retry_after_ms: 500 });
      await stage.timers.pass(1_000);
    }
    expect(stage.count("call:init")).toBeGreaterThan(20);
    expect(seen).toMatchObject([{ reason: "failed", error: { code: "timeout" } }]);
  });

  test("too many requests are fewer later, and a refusal is final", async () => {
    const stage = await Stage.online();
    const seen = outcomes(stage.client.call("bob", AUDIO));
    for (let tries = 0; tries < 4; tries += 1) {
      await stage.refuses("call:init", "rate_limited", { retry_after_ms: 100 });
      await stage.timers.pass(200);
    }
    expect(stage.count("call:init")).toBe(4);
    expect(seen).toMatchObject([{ reason: "failed", error: { code: "rate_limited", retryAfterMs: 100 } }]);
    const refused = outcomes(stage.client.call("alice", AUDIO));
    await stage.refuses("call:init", "bad_request");
    expect(refused).toMatchObject([{ reason: "failed", error: { code: "bad_request" } }]);
  });

  test("a call that is not taken in time has failed; taken later, it is ended", async () => {
    const stage = await Stage.online();
    const seen = outcomes(stage.client.call("bob", AUDIO));
    await stage.timers.pass(15_000);
    expect(seen).toEqual([]);
    stage.says({ type: "ack", id: 999_999 });
    await stage.timers.pass(16_000);
    expect(seen).toMatchObject([{ reason: "failed", error: { code: "timeout" } }]);
    await stage.acks("call:init", { call: "c1" });
    await stage.acks("call:end");
    expect(stage.asked("call:end")).toMatchObject({ call: "c1" });
  });

  test("what has arrived is reported with the next request, or by itself after a while", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1", AUDIO);
    await stage.tells("c9", { type: "call:incoming", from: BOB, media: AUDIO }, 4);
    expect(stage.asked("call:ringing")).toMatchObject({ call: "c9", seen: { c9: 4 } });
    void call.accept();
    expect(stage.asked("call:accept")).not.toHaveProperty("seen");
    await stage.tells("c1", { type: "call:ended", reason: "cancelled" }, 6);
    await stage.timers.pass(1_900);
    expect(stage.count("seen")).toBe(0);
    await stage.timers.pass(200);
    expect(stage.asked("seen")).toEqual({ type: "seen", calls: { c1: 6 } });
    await stage.timers.pass(10_000);
    expect(stage.count("seen")).toBe(1);
  });

  test("what `hello` has reported is not reported again", async () => {
    const stage = await Stage.online();
    const call = await stage.rung("c1", AUDIO);
    await stage.tells("c1", { type: "call:peer", status: "reconnecting" }, 4);
    expect((await stage.comesBack({ resumed: true })).seen).toEqual({ c1: 4 });
    void call.accept();
    expect(stage.asked("call:accept")).not.toHaveProperty("seen");
  });

  test("after the end nothing is asked, and nothing waits", async () => {
    const stage = await Stage.online();
    const before = outcomes(stage.client.call("bob", AUDIO));
    stage.client.close();
    await settle();
    const after = outcomes(stage.client.call("bob", AUDIO));
    await settle();
    expect(before).toMatchObject([{ reason: "cancelled" }]);
    expect(after).toMatchObject([{ reason: "failed", error: { code: "closed" } }]);
    expect([stage.timers.waiting, stage.devices.live, stage.socket.isHeard]).toEqual([0, 0, false]);
  });

  test("what is no frame, or none that is known, is let through", async () => {
    const stage = await Stage.online();
    for (const data of ["", "[]", "null", "7", "{}", '{"type":5}', new ArrayBuffer(2), undefined]) stage.socket.saysRaw(data);
    stage.says({ type: "something:new", call: "c1", seq: 1 });
    stage.says({ type: "call:whatever", call: "c1", seq: 1, at: 1 });
    await settle();
    expect(stage.client.state).toBe("online");
  });
});
