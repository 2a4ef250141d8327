import { describe, expect, test } from "vitest";
import { RingbackClient, type MissedCalls, type RingbackError } from "../src/index.ts";
import { BOB, Stage, VIDEO } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

const missedCall = (call: string) => ({ call, from: BOB, media: VIDEO, at: 1_000, ended_at: 2_000, reason: "offline" });
const missed = (...calls: string[]) => ({ type: "missed", calls: calls.map(missedCall), until: 7_000, more: false });

/** Somebody listens before the connection is made. */
async function listening() {
  const stage = new Stage();
  const told: MissedCalls[] = [];
  stage.client.on("missed", (calls) => void told.push(calls));
  stage.client.open();
  const hello = await stage.welcome();
  return { stage, told, hello };
}

describe("missed calls", () => {
  test("are asked for only where somebody listens", async () => {
    expect((await listening()).hello.missed).toBe(0);
    const stage = await Stage.online();
    expect(stage.asked("hello")).not.toHaveProperty("missed");
  });

  test("are told, and confirmed once the listeners have run", async () => {
    const { stage, told } = await listening();
    const confirmed: number[] = [];
    stage.client.on("missed", () => void confirmed.push(stage.count("seen")));
    stage.says(missed("c2", "c1"));
    const read = (id: string) => ({ id, peer: BOB, media: VIDEO, at: 1_000, endedAt: 2_000, reason: "offline" });
    expect(told).toEqual([{ calls: [read("c2"), read("c1")], more: false }]);
    expect(confirmed).toEqual([0]);
    expect(stage.asked("seen")).toEqual({ type: "seen", calls: {}, missed: 7_000 });
  });

  test("what this page has shown is not told again", async () => {
    const { stage, told } = await listening();
    await stage.rung("c1");
    await stage.tells("c1", { type: "call:ended", reason: "cancelled" });
    stage.socket.breaks();
    await stage.timers.pass(1_000);
    await stage.welcome({ resumed: true });
    stage.says(missed("c2", "c1"));
    expect(told.map(({ calls }) => calls.map(({ id }) => id))).toEqual([["c2"]]);
    stage.says(missed("c1"));
    expect(told).toHaveLength(1);
    expect(stage.count("seen"), "that nothing of it is new is confirmed too").toBeGreaterThanOrEqual(2);
  });

  test("are nothing to a call, nor to the connection", async () => {
    const { stage } = await listening();
    stage.says(missed("c1"));
    await settle();
    expect([stage.client.calls, stage.client.state]).toEqual([[], "online"]);
  });
});

describe("the log", () => {
  const entry = { call: "c1", role: "callee", peer: BOB, media: VIDEO, at: 1, ended_at: 2, reason: "hangup", answered: true, missed: false };
  const answers = (status: number, body: unknown) => Promise.resolve(new Response(JSON.stringify(body), { status }));

  test("is asked for beside the socket, with the user's token", async () => {
    const stage = await Stage.online({ url: "wss://gateway.example.org/base/v1/ws" });
    const asked: [string, unknown][] = [];
    stage.gateway = (url, { headers }) => {
      asked.push([url, headers]);
      return answers(200, { calls: [{ ...entry, by: BOB, answered_by: "laptop", setup_ms: 3, duration_ms: 4 }, entry], next: "2.c1" });
    };
    const page = await stage.client.callLog({ before: "9.c9", limit: 2 });
    expect(asked).toEqual([["https://gateway.example.org/base/v1/log?before=9.c9&limit=2", { authorization: "Bearer alice" }]]);
    const read = { id: "c1", role: "callee", peer: BOB, media: VIDEO, at: 1, endedAt: 2, reason: "hangup", answered: true, missed: false };
    expect(page).toEqual({ calls: [{ ...read, by: BOB, answeredBy: "laptop", setupMs: 3, durationMs: 4 }, read], next: "2.c1" });
  });

  test("the last page has no next", async () => {
    const stage = await Stage.online();
    stage.gateway = () => answers(200, { calls: [] });
    expect(await stage.client.callLog()).toEqual({ calls: [] });
  });

  test("is asked for with the token that the gateway took last", async () => {
    const tokens = ["first", "second"];
    const stage = await Stage.online({ token: () => tokens.shift() ?? "none" }, { token_expires_at: 1_790_000_040_000 });
    const used: unknown[] = [];
    stage.gateway = (_, { headers }) => {
      used.push(headers);
      return answers(200, { calls: [] });
    };
    await stage.client.callLog();
    await stage.timers.pass(25_000);
    await stage.acks("token", { token_expires_at: 1_790_090_000_000 });
    await stage.client.callLog();
    expect(used).toEqual([{ authorization: "Bearer first" }, { authorization: "Bearer second" }]);
  });

  test("what keeps it from being read has a code", async () => {
    const stage = await Stage.online();
    const code = () => stage.client.callLog().catch((error: RingbackError) => error.code);
    expect(await code()).toBe("unavailable");
    for (const [status, expected] of [[400, "bad_request"], [401, "unauthorized"], [429, "rate_limited"], [503, "unavailable"]] as const) {
      stage.gateway = () => answers(status, { error: "no" });
      expect(await code()).toBe(expected);
    }
    stage.gateway = () => Promise.resolve(new Response("<html>", { status: 502 }));
    expect(await code()).toBe("unavailable");
    expect(await new RingbackClient({ url: "ws://gateway/v1/ws", token: () => Promise.reject(new Error("none")), device: "d" }).callLog().catch(String)).toBe("Error: none");
  });
});
