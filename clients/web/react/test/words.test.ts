import type { Outcome, Role } from "@ringback/client";
import { expect, test } from "vitest";
import protocol from "../../client/src/protocol.ts?raw";
import { clock, english } from "../src/words.ts";

const [, body = ""] = /export type EndReason =([^;]*);/.exec(protocol) ?? [];
const reasons = [...body.matchAll(/"(\w+)"/g)].map(([, word]) => word as Outcome["reason"]);

test.each<Role>(["caller", "callee"])("the %s is told of every end, in words of its own", (role) => {
  const all = [...reasons, "failed", "other_tab"] as const;
  const texts = all.map((reason) => english.ended("bob", role, { reason }));
  expect(all.length).toBeGreaterThan(12);
  expect(texts.filter((text) => text === undefined || text.includes("_"))).toEqual([]);
  // To the callee a call that was cancelled and one that went on ringing for too long are the same: missed.
  expect(new Set(texts).size).toBe(role === "caller" ? all.length : all.length - 1);
});

test("whose microphone it was that is missing", () => {
  const error = { code: "permission_denied" } as NonNullable<Outcome["error"]>;
  expect(english.ended("bob", "caller", { reason: "media_denied", by: { user: "bob", device: "x" } })).toBe("bob has no microphone or camera");
  expect(english.ended("bob", "caller", { reason: "media_denied", error })).toBe("Microphone or camera not allowed");
});

test("time is written as on a clock", () => {
  expect([0, 999, 61_000, 3_723_000, -5].map(clock)).toEqual(["0:00", "0:00", "1:01", "1:02:03", "0:00"]);
});
