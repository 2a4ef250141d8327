import { describe, expect, test } from "vitest";
import { IDLE, recover, type Recovery, type RecoveryInput } from "./recovery.ts";

/** What is done, one input after the other. */
function done(inputs: RecoveryInput[], online = true): (string | undefined)[] {
  let now: Recovery = IDLE;
  return inputs.map((input) => {
    const next = recover(now, input, online);
    if (next === undefined) return undefined;
    now = next[0];
    return next[1].type;
  });
}

describe("media that stop", () => {
  test("are waited for, then ICE is restarted, three times at most", () => {
    expect(done(["disconnected", "timer", "timer", "timer", "timer"])).toEqual(["wait", "restart", "restart", "restart", "give up"]);
  });

  test("and are back: the next trouble starts from nothing", () => {
    const inputs: RecoveryInput[] = ["disconnected", "timer", "timer", "connected", "failed", "timer", "timer", "timer"];
    expect(done(inputs).slice(3)).toEqual(["recovered", "restart", "restart", "restart", "give up"]);
  });

  test("are not waited for twice at once", () => {
    expect(done(["disconnected", "disconnected"])).toEqual(["wait", undefined]);
  });

  test("have failed: nothing is waited for", () => {
    expect(done(["failed"])).toEqual(["restart"]);
  });

  test("while the gateway is away too: nothing that is tried could work", () => {
    expect(done(["failed", "timer", "timer", "timer", "timer", "timer"], false)).toEqual(Array(6).fill("wait"));
  });

  test("are mended at once when the gateway is back, but only if they are broken", () => {
    expect(recover({ tries: 3, waiting: true }, "online", true)).toEqual([{ tries: 1, waiting: true }, { type: "restart", ms: 8_000 }]);
    expect(recover(IDLE, "online", true)).toBeUndefined();
  });
});
