import { expect, test } from "vitest";
import { EndedCalls } from "./ended-calls.ts";

test("a call that has ended is named for two minutes less a margin, with the last that was heard of it", () => {
  const ended = new EndedCalls();
  ended.add("c1", 9, 1_000);
  ended.add("c2", 0, 50_000);
  expect(ended.seen(1_000)).toEqual({ c1: 9, c2: 0 });
  expect([ended.heard("c1", 11), ended.heard("c1", 10), ended.heard("c9", 1)]).toEqual([true, true, false]);
  expect(ended.seen(110_999)).toEqual({ c1: 11, c2: 0 });
  expect(ended.seen(111_000)).toEqual({ c2: 0 });
});

test("its late events are known for what they are long after", () => {
  const ended = new EndedCalls();
  ended.add("c1", 9, 0);
  expect([ended.seen(1_000_000), ended.heard("c1", 10)]).toEqual([{}, true]);
});

test("not all of them are remembered for ever", () => {
  const ended = new EndedCalls();
  for (let call = 0; call < 100; call += 1) ended.add(`c${call}`, 1, 0);
  expect(Object.keys(ended.seen(0)).length).toBe(32);
  expect([ended.heard("c0", 2), ended.heard("c99", 2)]).toEqual([false, true]);
});
