import { describe, expect, test } from "vitest";
import { comesBack, retryDelay } from "./reconnect.ts";

const TROUBLE = { lastedMs: 0, retryAfterMs: 0, urgent: false, random: 1 };

function delays(count: number, trouble = TROUBLE): number[] {
  let failures = 0;
  return Array.from({ length: count }, () => {
    const next = retryDelay(failures, trouble);
    failures = next.failures;
    return next.delayMs;
  });
}

describe("back-off", () => {
  test("doubles up to a bound", () => {
    expect(delays(8)).toEqual([400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
  });

  test("in a call its bound is low", () => {
    expect(delays(5, { ...TROUBLE, urgent: true })).toEqual([400, 800, 1_600, 2_000, 2_000]);
  });

  test("is a random share of it", () => {
    expect(delays(3, { ...TROUBLE, random: 0.25 })).toEqual([100, 200, 400]);
    expect(delays(3, { ...TROUBLE, random: 0 })).toEqual([0, 0, 0]);
  });

  test("starts anew after a connection that lasted, and not after one that broke at once", () => {
    expect(retryDelay(5, { ...TROUBLE, lastedMs: 5_000 })).toEqual({ failures: 1, delayMs: 400 });
    expect(retryDelay(5, { ...TROUBLE, lastedMs: 4_999 })).toEqual({ failures: 6, delayMs: 12_800 });
  });

  test("comes on top of what the gateway asks for", () => {
    expect(retryDelay(0, { ...TROUBLE, retryAfterMs: 5_000, random: 0.5 }).delayMs).toBe(5_200);
  });
});

test("close codes say by their range what to do", () => {
  for (const code of [1000, 1001, 1006, 1012, 3000, 4000, 4001, 4003, 4499, 5000]) expect(comesBack(code), `${code}`).toBe(true);
  for (const code of [4500, 4501, 4503, 4505, 4999]) expect(comesBack(code), `${code}`).toBe(false);
});
