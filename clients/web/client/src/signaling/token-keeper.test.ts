import { describe, expect, test } from "vitest";
import { VirtualTimers, settle } from "../../test/support/virtual-timers.ts";
import { TokenKeeper, type TokenReason, type TokenSource } from "./token-keeper.ts";

const HOUR = 3_600_000;

/** A keeper of tokens that are numbered, and expire after an hour. */
function keeper(source?: string | TokenSource, ahead = 0) {
  const timers = new VirtualTimers();
  const asked: TokenReason[] = [];
  const renewed: string[] = [];
  const numbered: TokenSource = (reason) => `t${asked.push(reason)}`;
  let failing = false;
  const tokens = new TokenKeeper({
    timers,
    source: source ?? numbered,
    renew: async (token) => {
      if (failing) throw new Error("not now");
      renewed.push(token);
      return timers.now() + ahead + HOUR;
    },
  });
  return { timers, asked, renewed, tokens, fail: (on: boolean) => (failing = on) };
}

describe("an open connection", () => {
  test("gets a fresh token ahead of each one's end, again and again", async () => {
    const { timers, asked, renewed, tokens } = keeper();
    tokens.accepted(timers.now() + HOUR);
    await timers.pass(HOUR - 30_500);
    expect(asked).toEqual([]);
    await timers.pass(1_000);
    expect([asked, renewed]).toEqual([["expiring"], ["t1"]]);
    await timers.pass(4 * HOUR);
    expect(renewed.length).toBe(5);
  });

  test("asks again where that fails, the sooner the less time is left", async () => {
    const { timers, asked, renewed, tokens, fail } = keeper();
    tokens.accepted(timers.now() + HOUR);
    fail(true);
    await timers.pass(HOUR - 10_000);
    fail(false);
    const tries = asked.length;
    await timers.pass(10_000);
    expect([tries > 1, renewed.length]).toEqual([true, 1]);
  });

  test("has one that never expires: nothing is to be done", async () => {
    const { timers, tokens } = keeper();
    tokens.accepted(undefined);
    expect([tokens.needsTime, timers.waiting]).toEqual([false, 0]);
  });

  test.each([-3 * HOUR, 3 * HOUR])("goes by the gateway's clock, which is %d ms ahead of ours", async (ahead) => {
    const { timers, asked, tokens } = keeper(undefined, ahead);
    const gateway = () => timers.now() + ahead;
    tokens.accepted(gateway() + HOUR);
    expect(tokens.needsTime).toBe(true);
    tokens.tell(gateway());
    expect(tokens.needsTime).toBe(false);
    await timers.pass(HOUR - 31_000);
    expect(asked).toEqual([]);
    await timers.pass(2_000);
    expect(asked).toEqual(["expiring"]);
  });

  test("stopped, asks for nothing", async () => {
    const { timers, asked, tokens } = keeper();
    tokens.accepted(timers.now() + HOUR);
    tokens.stop();
    await timers.pass(2 * HOUR);
    expect([asked, timers.waiting]).toEqual([[], 0]);
  });
});

describe("a refused token", () => {
  test("is followed by another one, a few times", async () => {
    const { asked, tokens } = keeper();
    expect([await tokens.forConnection(), tokens.refused()]).toEqual(["t1", true]);
    expect([await tokens.forConnection(), tokens.refused()]).toEqual(["t2", true]);
    expect([await tokens.forConnection(), tokens.refused()]).toEqual(["t3", false]);
    expect(asked).toEqual(["connect", "refused", "refused"]);
  });

  test("that is all the application has is the end of it", async () => {
    const { tokens } = keeper(() => "same");
    await tokens.forConnection();
    expect(tokens.refused()).toBe(true);
    await expect(tokens.forConnection()).rejects.toMatchObject({ code: "unauthorized" });
  });

  test("is forgotten once one is taken", async () => {
    const { timers, asked, tokens } = keeper();
    await tokens.forConnection();
    tokens.refused();
    await tokens.forConnection();
    tokens.accepted(timers.now() + HOUR);
    await tokens.forConnection();
    expect(asked).toEqual(["connect", "refused", "connect"]);
  });

  test("that is a plain string can't be followed by anything", async () => {
    const { tokens } = keeper("plain");
    expect([await tokens.forConnection(), tokens.refused()]).toEqual(["plain", false]);
  });
});

test("an application that never answers is not waited for", async () => {
  const { timers, tokens } = keeper(() => new Promise(() => {}));
  let failure: unknown;
  tokens.forConnection().catch((error: unknown) => (failure = error));
  await timers.pass(20_000);
  await settle();
  expect([failure, timers.waiting]).toMatchObject([{ code: "timeout" }, 0]);
});
