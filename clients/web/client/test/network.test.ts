import { describe, expect, test } from "vitest";
import type { TokenReason } from "../src/index.ts";
import { FakeSocket } from "./support/fake-socket.ts";
import { AUDIO, Stage } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

const opened = () => FakeSocket.opened.length;

describe("news of the network", () => {
  test.each(["network", "visible", "restored"] as const)("%s: a connection that waits for its next try tries now", async (signal) => {
    const stage = await Stage.online();
    stage.socket.breaks();
    expect([stage.client.state, opened()]).toEqual(["waiting", 1]);
    await stage.page(signal);
    expect([stage.client.state, opened()]).toEqual(["connecting", 2]);
    await stage.timers.pass(1_500);
    expect(opened()).toBe(2);
  });

  test.each(["network", "visible", "restored"] as const)("%s: an open connection is asked whether it lives; a zombie is left within seconds", async (signal) => {
    const stage = await Stage.online();
    const zombie = stage.socket;
    zombie.answersPings = false;
    await stage.page(signal);
    expect(stage.count("ping")).toBe(1);
    await stage.timers.pass(3_000);
    expect([zombie.closedBy, zombie.isHeard, stage.client.state]).toEqual([1000, false, "waiting"]);
    await stage.timers.pass(1_000);
    const hello = await stage.welcome({ resumed: true });
    expect([hello.session, opened()]).toEqual(["s1", 2]);
  });

  test("an attempt over the network of before is given up, one that has just begun is not", async () => {
    const stage = new Stage();
    stage.client.open();
    await settle();
    await stage.page("network");
    expect(opened()).toBe(1);
    await stage.timers.pass(2_000);
    await stage.page("network");
    expect(opened()).toBe(2);
  });

  test("media that are down are mended as soon as the new network has a gateway", async () => {
    const stage = await Stage.online();
    await stage.talks(AUDIO);
    stage.pc.becomes("disconnected");
    await stage.page("network");
    expect(stage.asked("webrtc:offer").sdp).toMatch(/restart/);
  });

  test("a machine that has slept is not trusted: its socket is probed", async () => {
    const stage = await Stage.online();
    stage.socket.answersPings = false;
    await stage.timers.sleep(600_000);
    expect(stage.count("ping")).toBe(1);
    await stage.timers.pass(3_000);
    expect(stage.client.state).toBe("waiting");
  });
});

describe("the back/forward cache", () => {
  test("a page that is stored lets its socket go and tries nothing; restored, it resumes", async () => {
    const stage = await Stage.online();
    await stage.page("stored");
    expect([stage.socket.closedBy, stage.client.state]).toEqual([1000, "waiting"]);
    await stage.timers.pass(600_000);
    expect(opened()).toBe(1);
    await stage.page("restored");
    const hello = await stage.welcome({ resumed: true });
    expect([hello.session, stage.client.state]).toEqual(["s1", "online"]);
  });
});

describe("listening", () => {
  test("ends with the client, and begins anew with it", async () => {
    const stage = new Stage();
    expect(stage.listening).toBe(0);
    stage.client.open();
    stage.client.open();
    expect(stage.listening).toBe(1);
    stage.client.close();
    expect(stage.listening).toBe(0);
    await stage.page("network");
    expect(opened()).toBe(0);
    stage.client.open();
    await settle();
    expect([stage.listening, opened()]).toEqual([1, 1]);
  });

  test("what was closed for good can be opened anew, in a session of its own", async () => {
    const stage = await Stage.online();
    stage.socket.breaks(4505);
    expect(stage.client.state).toBe("closed");
    stage.client.open();
    const hello = await stage.welcome({ session: "s2" });
    expect([hello.session, hello.seen, stage.client.state]).toEqual([undefined, undefined, "online"]);
  });
});

describe("a token that is refused", () => {
  test("is followed by a fresh one: after a sleep it has expired", async () => {
    const asked: TokenReason[] = [];
    const stage = await Stage.online({ token: (reason) => `t${asked.push(reason)}` });
    stage.socket.breaks(4501);
    await stage.timers.pass(1_000);
    const hello = await stage.welcome({ resumed: true });
    expect([hello.token, hello.session, asked]).toEqual(["t2", "s1", ["connect", "refused"]]);
  });

  test("is the end where there is no other", async () => {
    const stage = await Stage.online({ token: () => "same" });
    stage.socket.breaks(4501);
    await stage.timers.pass(1_000);
    expect([stage.client.state, stage.closed]).toMatchObject(["closed", [{ code: 4501 }]]);
    expect([stage.timers.waiting, opened()]).toEqual([0, 1]);
  });
});

describe("trouble that comes again", () => {
  test("a gateway that breaks right after its welcome is not hammered", async () => {
    const stage = await Stage.online();
    let attempts = 0;
    for (let second = 0; second < 60; second += 1) {
      if (stage.client.state === "connecting") {
        attempts += 1;
        await stage.welcome({ resumed: true });
      }
      if (stage.client.state === "online") stage.socket.breaks(4000);
      await stage.timers.pass(1_000);
    }
    expect(attempts).toBeGreaterThan(5);
    expect(attempts).toBeLessThan(20);
  });

  test("who is asked to go comes back elsewhere after that time, with everything in flight", async () => {
    const stage = await Stage.online();
    await stage.talks(AUDIO);
    stage.says({ type: "goaway", reconnect_after_ms: 1_800, reason: "draining" });
    await stage.timers.pass(1_700);
    expect([stage.client.state, opened()]).toEqual(["online", 1]);
    stage.pc.finds("late", null);
    await settle();
    const asked = stage.asked("webrtc:ice");
    await stage.timers.pass(200);
    await stage.welcome({ resumed: true });
    expect([opened(), stage.asked("webrtc:ice")]).toEqual([2, asked]);
    expect(stage.client.calls).toMatchObject([{ state: "connected", link: "fine" }]);
  });
});
