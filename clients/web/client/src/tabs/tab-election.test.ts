import { describe, expect, test } from "vitest";
import { FakeBrowser } from "../../test/support/fake-browser.ts";
import { VirtualTimers, settle } from "../../test/support/virtual-timers.ts";
import { TabElection } from "./tab-election.ts";
import type { TabCall } from "./tab-message.ts";
import type { TabChannel } from "../platform.ts";

const RINGING: TabCall = { role: "callee", peer: { user: "bob" }, media: { audio: true, video: false }, state: "ringing" };

class Tab {
  readonly log: string[] = [];
  readonly election: TabElection;
  calls: TabCall[] = [];
  elsewhere: TabCall[] = [];
  yields = true;
  channel: TabChannel | undefined;

  constructor(browser: FakeBrowser, timers: VirtualTimers, id: string, name = "alice laptop") {
    this.election = new TabElection({
      platform: {
        locks: browser.locks,
        channel: (name) => (this.channel = browser.channel(name)),
        timers,
        randomId: () => id,
      },
      name,
      won: () => this.log.push("won"),
      lost: () => this.log.push("lost"),
      mayYield: () => this.yields,
      calls: () => this.calls,
      elsewhere: (calls) => (this.elsewhere = calls),
    });
  }
}

/** Three tabs, of which so many have joined, one after the other. */
async function tabs(joined: number) {
  const browser = new FakeBrowser();
  const timers = new VirtualTimers();
  const all: [Tab, Tab, Tab] = [new Tab(browser, timers, "a"), new Tab(browser, timers, "b"), new Tab(browser, timers, "c")];
  for (const { election } of all.slice(0, joined)) {
    election.join();
    await settle();
  }
  return { browser, timers, all };
}

const owners = (all: Tab[]) => all.map(({ election }) => election.isOwner);

describe("of the tabs of a device", () => {
  test("one is online, and the next one when it is closed", async () => {
    const { browser, all } = await tabs(3);
    expect(owners(all)).toEqual([true, false, false]);
    all[0].election.leave();
    await settle();
    expect(owners(all)).toEqual([false, true, false]);
    all[2].election.leave();
    all[1].election.leave();
    await settle();
    expect([owners(all), browser.held, browser.waiting, browser.open]).toEqual([[false, false, false], [], 0, 0]);
  });

  test("the one that a person uses gets it, whoever waits longer", async () => {
    const { browser, all, timers } = await tabs(3);
    expect(await all[2].election.takeOver()).toBe(true);
    await settle();
    expect([owners(all), all[0].log, all[2].log]).toEqual([[false, false, true], ["won", "lost"], ["won"]]);
    expect([await all[2].election.takeOver(), timers.waiting, browser.waiting]).toEqual([true, 0, 2]);
    all[2].election.leave();
    await settle();
    expect(owners(all)).toEqual([false, true, false]);
  });

  test("one that is in a call keeps it", async () => {
    const { all, timers } = await tabs(2);
    all[0].yields = false;
    expect(await all[1].election.takeOver()).toBe(false);
    await settle();
    expect([owners(all), all[0].log, timers.waiting]).toEqual([[true, false, false], ["won"], 0]);
  });

  test("one that is frozen loses it", async () => {
    const { browser, all, timers } = await tabs(2);
    browser.frozen.add(all[0].channel as TabChannel);
    const taken = all[1].election.takeOver();
    await timers.pass(900);
    expect(owners(all)).toEqual([true, false, false]);
    await timers.pass(200);
    expect([await taken, owners(all)]).toEqual([true, [false, true, false]]);
  });

  test("the others see what goes on in it, also when they come later", async () => {
    const { all } = await tabs(2);
    all[0].calls = [RINGING];
    all[0].election.announce();
    await settle();
    expect([all[1].elsewhere, all[0].elsewhere]).toEqual([[RINGING], []]);
    all[2].election.join();
    await settle();
    expect(all[2].elsewhere).toEqual([RINGING]);
    await all[2].election.takeOver();
    await settle();
    expect([all[2].elsewhere, all[1].elsewhere]).toEqual([[], []]);
  });

  test("a question is settled although the tab that asked leaves", async () => {
    const { all, timers } = await tabs(2);
    all[0].yields = false;
    const taken = all[1].election.takeOver();
    all[1].election.leave();
    expect([await taken, timers.waiting]).toEqual([false, 0]);
    expect(await all[1].election.takeOver()).toBe(false);
  });
});

test("tabs of another user, or on another device, are none of each other's business", async () => {
  const browser = new FakeBrowser();
  const timers = new VirtualTimers();
  const both = [new Tab(browser, timers, "a"), new Tab(browser, timers, "b", "bob laptop")];
  for (const { election } of both) election.join();
  await settle();
  expect(owners(both)).toEqual([true, true]);
});
