import { describe, expect, test } from "vitest";
import { VirtualTimers, settle } from "../../test/support/virtual-timers.ts";
import { RingbackError } from "../errors.ts";
import type { ErrorCode } from "../protocol.ts";
import { Pending } from "./pending.ts";

/** Requests are told apart by their candidates: `c1 a` is the call c1's request named a. */
function asking() {
  const timers = new VirtualTimers();
  const sent: string[] = [];
  const settled: string[] = [];
  const ids = new Map<string, number>();
  const pending = new Pending({
    timers,
    random: () => 0,
    send: (text) => {
      const { id, call, candidates } = JSON.parse(text) as { id: number; call: string; candidates: [{ candidate: string }] };
      sent.push(`${call} ${candidates[0].candidate}`);
      ids.set(`${call} ${candidates[0].candidate}`, id);
    },
  });
  pending.resume();
  const ask = (name: string, deadlineMs?: number, signal?: AbortSignal) => {
    const [call = "", candidate = ""] = name.split(" ");
    pending.ask({ type: "webrtc:ice", call, candidates: [{ candidate }] }, { deadlineMs, signal }).then(
      () => settled.push(`${name} done`),
      (error: RingbackError) => settled.push(`${name} ${error.code}`),
    );
  };
  const ack = (name: string) => pending.resolve({ type: "ack", id: ids.get(name) ?? 0 });
  const refuse = (name: string, code: ErrorCode = "unavailable", fields = {}) =>
    pending.refuse({ type: "error", id: ids.get(name) ?? 0, code, message: code, ...fields });
  /** What has been sent since this was asked last. */
  const said = () => sent.splice(0);
  return { timers, pending, ask, ack, refuse, said, settled };
}

describe("a request that the store could not take", () => {
  test("is sent again, and those that were put off behind it, in order", async () => {
    const { timers, ask, refuse, ack, said, settled } = asking();
    for (const name of ["c1 a", "c1 b", "c1 c"]) ask(name);
    said();
    for (const name of ["c1 a", "c1 b", "c1 c"]) refuse(name, "unavailable", { retry_after_ms: 300 });
    await timers.pass(299);
    expect(said()).toEqual([]);
    await timers.pass(1);
    expect(said()).toEqual(["c1 a", "c1 b", "c1 c"]);
    for (const name of ["c1 a", "c1 b", "c1 c"]) ack(name);
    await settle();
    expect(settled).toEqual(["c1 a done", "c1 b done", "c1 c done"]);
  });

  test("is not overtaken by a new one, though one between them is still on its way", async () => {
    const { timers, ask, refuse, ack, said } = asking();
    ask("c1 a");
    ask("c1 b");
    refuse("c1 a");
    ask("c1 c");
    said();
    await timers.pass(1_000);
    expect(said()).toEqual(["c1 a"]);
    // Only now it is heard that b was put off as well.
    refuse("c1 b");
    ack("c1 a");
    expect(said()).toEqual([]);
    await timers.pass(1_000);
    expect(said()).toEqual(["c1 b"]);
    ack("c1 b");
    expect(said()).toEqual(["c1 c"]);
  });

  test("holds up no other call", () => {
    const { ask, refuse, said } = asking();
    ask("c1 a");
    refuse("c1 a");
    said();
    ask("c2 a");
    ask("c1 b");
    expect(said()).toEqual(["c2 a"]);
  });

  test("and is refused for good frees what waits behind it", () => {
    const { ask, refuse, said } = asking();
    ask("c1 a");
    refuse("c1 a");
    ask("c1 b");
    said();
    refuse("c1 a", "invalid_state");
    expect(said()).toEqual(["c1 b"]);
  });

  test("without a word of when is asked again after a second", async () => {
    const { timers, ask, refuse, said } = asking();
    ask("c1 a");
    said();
    refuse("c1 a");
    await timers.pass(1_000);
    expect(said()).toEqual(["c1 a"]);
  });
});

describe("a new connection", () => {
  test("is told everything that has no reply, in order, and again nothing is held", () => {
    const { pending, ask, refuse, ack, said } = asking();
    for (const name of ["c1 a", "c2 a", "c1 b"]) ask(name);
    refuse("c1 a");
    ask("c1 c");
    ack("c2 a");
    said();
    pending.pause();
    ask("c1 d");
    expect(said()).toEqual([]);
    pending.resume();
    expect(said()).toEqual(["c1 a", "c1 b", "c1 c", "c1 d"]);
    ask("c1 e");
    expect(said()).toEqual(["c1 e"]);
  });

  test("in another session: what was on its way is lost, what was not goes out", async () => {
    const { pending, ask, said, settled } = asking();
    ask("c1 a");
    pending.pause();
    ask("c1 b");
    said();
    pending.rejectSent(new RingbackError("disconnected", "lost"));
    pending.resume();
    await settle();
    expect([said(), settled]).toEqual([["c1 b"], ["c1 a disconnected"]]);
  });

  test("is waited for without asking into the void", async () => {
    const { timers, pending, ask, refuse, said } = asking();
    ask("c1 a");
    refuse("c1 a");
    said();
    pending.pause();
    await timers.pass(10_000);
    expect([said(), timers.waiting]).toEqual([[], 0]);
  });
});

test("a deadline settles what nobody answers, with what was said last", async () => {
  const { timers, pending, ask, refuse, settled } = asking();
  ask("c1 a", 5_000);
  ask("c2 a", 5_000);
  pending.refuse({ type: "error", id: 99, code: "unavailable", message: "of nobody" });
  refuse("c2 a", "unavailable", { retry_after_ms: 60_000 });
  await timers.pass(5_000);
  expect(settled).toEqual(["c1 a timeout", "c2 a unavailable"]);
});

test("what nobody wants any more is not sent; what has been sent is not unsaid", async () => {
  const { pending, ask, ack, said, settled } = asking();
  const unwanted = new AbortController();
  ask("c1 a", undefined, unwanted.signal);
  pending.pause();
  ask("c2 a", undefined, unwanted.signal);
  unwanted.abort();
  ask("c3 a", undefined, unwanted.signal);
  await settle();
  expect(settled).toEqual(["c2 a closed", "c3 a closed"]);
  said();
  pending.resume();
  expect(said()).toEqual(["c1 a"]);
  ack("c1 a");
  await settle();
  expect(settled[2]).toBe("c1 a done");
});

test("at the end everything is settled", async () => {
  const { timers, pending, ask, refuse, settled } = asking();
  ask("c1 a", 5_000);
  ask("c1 b");
  refuse("c1 b");
  pending.pause();
  pending.rejectAll(new RingbackError("closed", "closed"));
  await settle();
  expect([settled, timers.waiting]).toEqual([["c1 a closed", "c1 b closed"], 0]);
});
