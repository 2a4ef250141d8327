import { expect, test } from "vitest";
import { VirtualTimers } from "../../test/support/virtual-timers.ts";
import { Heartbeat } from "./heartbeat.ts";

function beating(intervalMs = 20_000) {
  const timers = new VirtualTimers();
  const said: string[] = [];
  const say = (word: string) => () => void said.push(word);
  const heartbeat = new Heartbeat({ timers, ping: say("ping"), alive: say("alive"), dead: say("dead") });
  heartbeat.start(intervalMs);
  return { timers, said, heartbeat };
}

test("a beat that is answered is followed by the next", async () => {
  const { timers, said, heartbeat } = beating();
  for (let beat = 0; beat < 3; beat += 1) {
    await timers.pass(20_000);
    heartbeat.heard();
  }
  expect(said).toEqual(["ping", "ping", "ping"]);
});

test("one that is not is the end", async () => {
  const { timers, said } = beating();
  await timers.pass(27_900);
  expect(said).toEqual(["ping"]);
  await timers.pass(200);
  expect(said).toEqual(["ping", "dead"]);
});

test("a probe is answered soon, or not at all", async () => {
  const { timers, said, heartbeat } = beating();
  heartbeat.probe();
  heartbeat.heard();
  heartbeat.heard();
  expect(said).toEqual(["ping", "alive"]);
  heartbeat.probe();
  await timers.pass(3_000);
  expect(said.slice(2)).toEqual(["ping", "dead"]);
});

test("no beat waits for an answer longer than for the next beat", async () => {
  const { timers, said } = beating(2_000);
  await timers.pass(3_900);
  expect(said).toEqual(["ping"]);
  await timers.pass(200);
  expect(said).toContain("dead");
});

test("a timer that is much too late has slept, and probes", async () => {
  const { timers, said, heartbeat } = beating();
  await timers.sleep(24_000);
  heartbeat.heard();
  expect(said).toEqual(["ping"]);
  await timers.sleep(60_000);
  heartbeat.heard();
  expect(said).toEqual(["ping", "ping", "alive"]);
});

test("stopped, it is silent", async () => {
  const { timers, said, heartbeat } = beating();
  heartbeat.probe();
  heartbeat.stop();
  await timers.pass(60_000);
  heartbeat.heard();
  expect([said, timers.waiting]).toEqual([["ping"], 0]);
});
