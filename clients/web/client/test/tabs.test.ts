import { describe, expect, test } from "vitest";
import type { Outcome } from "../src/index.ts";
import { FakeBrowser } from "./support/fake-browser.ts";
import { FakeSocket } from "./support/fake-socket.ts";
import { AUDIO, BOB, Stage, outcomes } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

/** Two tabs of alice's browser; the first one is online. */
async function twoTabs() {
  const browser = new FakeBrowser();
  const options = { user: "alice", device: "laptop" };
  const [first, second] = [new Stage(options, browser), new Stage(options, browser)];
  first.client.open();
  await first.welcome();
  second.client.open();
  await settle();
  return { browser, first, second };
}

describe("two tabs of a user and device", () => {
  test("have one connection: one rings, the other can show that it does", async () => {
    const { first, second } = await twoTabs();
    expect([first.client.state, second.client.state, FakeSocket.opened.length]).toEqual(["online", "standby", 1]);
    const news: number[] = [];
    second.client.on("elsewhere", (calls) => news.push(calls.length));
    await first.rung("c1", AUDIO);
    expect([first.rings.length, second.rings.length]).toEqual([1, 0]);
    expect(second.client.elsewhere).toEqual([{ role: "callee", peer: BOB, media: AUDIO, state: "ringing" }]);
    await first.tells("c1", { type: "call:ended", reason: "cancelled" });
    expect([second.client.elsewhere, news]).toEqual([[], [1, 0]]);
  });

  test("the call is answered in the one that the person looks at", async () => {
    const { first, second } = await twoTabs();
    const ring = await first.rung("c1", AUDIO);
    const seen = outcomes(ring);
    expect(await second.client.takeOver()).toBe(true);
    expect([first.client.state, seen, first.count("call:end"), first.count("call:reject")]).toEqual(["standby", [{ reason: "other_tab" }] satisfies Outcome[], 0, 0]);
    const hello = await second.welcome({ session: "s2" });
    expect(hello).not.toHaveProperty("session");
    const call = await second.rung("c1", AUDIO);
    void call.accept();
    await second.acks("call:accept");
    expect([call.state, first.client.elsewhere]).toMatchObject(["connecting", [{ state: "connecting" }]]);
    // And from then on it stays where it is.
    expect(await first.client.takeOver()).toBe(false);
  });

  test("to call somebody brings a tab online", async () => {
    const { first, second } = await twoTabs();
    const call = second.client.call("bob", AUDIO);
    await settle();
    await second.welcome({ session: "s2" });
    await second.acks("call:init", { call: "c1" });
    expect([first.client.state, second.client.state, call.id]).toEqual(["standby", "online", "c1"]);
  });

  test("and the other goes when that one is there, so that the user is never offline", async () => {
    const { first, second } = await twoTabs();
    second.client.call("bob", AUDIO);
    await settle();
    expect([first.client.state, first.socket.closedBy]).toEqual(["standby", undefined]);
    await first.tells("c7", { type: "call:incoming", from: BOB, media: AUDIO });
    expect(first.rings).toEqual([]);
    await second.welcome({ session: "s2" });
    first.socket.breaks(4503);
    await settle();
    expect([first.client.state, first.timers.waiting]).toEqual(["standby", 0]);
  });

  test("but it does not wait for ever", async () => {
    const { first, second } = await twoTabs();
    second.client.call("bob", AUDIO);
    await settle();
    await first.timers.pass(5_000);
    expect([first.client.state, first.socket.closedBy]).toEqual(["standby", 1000]);
  });

  test("but not while the other tab is in a call", async () => {
    const { first, second } = await twoTabs();
    const talk = await first.talks(AUDIO);
    const seen = outcomes(second.client.call("carol", AUDIO));
    await settle();
    expect(seen).toMatchObject([{ reason: "failed", error: { code: "other_tab" } }]);
    expect([second.devices.live, second.client.calls, talk.state]).toEqual([0, [], "connected"]);
    // Nor is it placed when the other tab is done.
    first.client.close();
    await settle();
    await second.welcome({ session: "s2" });
    expect(second.types).toEqual(["hello"]);
  });

  test("the second goes on when the first is closed, with what rings there", async () => {
    const { browser, first, second } = await twoTabs();
    await first.rung("c1", AUDIO);
    first.client.close();
    await settle();
    await second.welcome({ session: "s2" });
    expect([second.client.state, second.client.elsewhere]).toEqual(["online", []]);
    second.client.close();
    await settle();
    expect([browser.held, browser.open, browser.waiting, second.timers.waiting]).toEqual([[], 0, 0, 0]);
  });

  test("a page that is stored away leaves it to the other, and waits for its turn when it is back", async () => {
    const { first, second } = await twoTabs();
    await first.page("stored");
    await second.welcome({ session: "s2" });
    await first.page("restored");
    expect([first.client.state, second.client.state]).toEqual(["standby", "online"]);
    second.client.close();
    await settle();
    await first.welcome({ session: "s3" });
    expect(first.client.state).toBe("online");
  });
});

test("a device that the application does not name is made up once for all tabs, and kept", async () => {
  const browser = new FakeBrowser();
  const named = async () => {
    const stage = new Stage({ device: undefined }, browser);
    stage.client.open();
    return (await stage.welcome()).device;
  };
  const device = await named();
  expect(device).toMatch(/^web-/);
  expect(await named()).toBe(device);
  browser.kept.set("ringback-device", "not a device!");
  expect(await named()).not.toBe("not a device!");
});
