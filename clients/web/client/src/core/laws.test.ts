import { describe, expect, test } from "vitest";
import { RingbackError, type RingbackErrorCode } from "../errors.ts";
import type { CallEvent, Request, Snapshot } from "../protocol.ts";
import { step } from "./call-machine.ts";
import { newCall, type CallEffect, type CallInput, type CallModel, type TimerName } from "./call-model.ts";

const BOB = { user: "bob", device: "phone" };
const MEDIA = { audio: true, video: false };
const ORDER = ["ringing", "connecting", "connected", "ended"];

/** Numbers from a seed (mulberry32), so that a story that breaks a law can be told again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

type Roll = (sides: number) => number;
const pick = <T>(roll: Roll, ...all: T[]): T => all[roll(all.length)] as T;

/** Anything at all, in any order: the gateway, the browser and the person owe nobody a good story. */
function anything(roll: Roll, seq: number, asked: Request["type"][], timers: TimerName[]): CallInput {
  const event = (fields: object): CallInput => ({ type: "event", event: { call: "c1", seq, at: 1, ...fields } as CallEvent });
  const snapshot: Snapshot = { call: "c1", state: pick(roll, "ringing", "connecting", "connected"), role: "caller", peer: BOB, media: MEDIA, created_at: 1, seq };
  const to = asked[roll(Math.max(asked.length, 1))] ?? "call:connected";
  const code = pick<RingbackErrorCode>(roll, "disconnected", "answered_elsewhere", "invalid_state", "no_such_call", "rate_limited", "closed");
  const error = new RingbackError(code, code, { state: pick(roll, "ringing", "connecting", "ended") });
  return pick<() => CallInput>(
    roll,
    () => ({ type: "accept", media: MEDIA }),
    () => ({ type: "reject", reason: pick(roll, "rejected", "busy") }),
    () => (roll(4) === 0 ? { type: "end" } : { type: "online" }),
    () => ({ type: "reply", to, ack: { type: "ack", id: 1, ...(to === "call:init" ? { call: "c1", role: pick(roll, "caller", "callee") } : {}) } }),
    () => ({ type: "refusal", to, error }),
    () => event({ type: "call:incoming", from: BOB, media: MEDIA }),
    () => event({ type: "call:ringing" }),
    () => event({ type: "call:accepted", by: BOB }),
    () => event({ type: "call:connected", setup_ms: 1 }),
    () => event({ type: "call:peer", status: pick(roll, "reconnecting", "back"), ...(roll(2) ? { resumed: false } : {}) }),
    () => event({ type: pick(roll, "webrtc:offer", "webrtc:answer"), sdp: "s" }),
    () => (roll(4) === 0 ? event({ type: "call:ended", reason: "hangup" }) : { type: "offline" }),
    () => ({ type: "snapshot", snapshot, fresh: roll(2) === 0 }),
    () => ({ type: "transport", state: pick(roll, "new", "connecting", "connected", "disconnected", "failed", "closed") }),
    () => (roll(6) === 0 ? { type: "failed", reason: pick(roll, "ice_failed", "media_denied") } : { type: "online" }),
    () => (roll(6) === 0 ? { type: "vanished", reason: "connection_lost" } : { type: "offline" }),
    () => ({ type: "timer", name: pick(roll, ...timers, "recovery", "placing") }),
  )();
}

/** What has been done over a whole story. */
class Record {
  readonly timers = new Set<TimerName>();
  readonly asked: Request["type"][] = [];
  readonly counts = new Map<string, number>();
  captured = false;
  connected = false;

  take(effect: CallEffect, call: CallModel): void {
    const name = effect.type === "tell" ? `tell ${effect.news}` : effect.type;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    switch (effect.type) {
      case "ask":
        this.asked.push(effect.request.type);
        if ("call" in effect.request) expect(effect.request.call).toBe(call.id);
        return;
      case "capture":
        expect(this.counts.has("release")).toBe(false);
        this.captured = true;
        return;
      case "connect":
        expect([this.captured, this.connected, call.id]).toEqual([true, false, "c1"]);
        this.connected = true;
        return;
      case "signal":
      case "restart-ice":
      case "renew":
      case "renegotiate":
        expect([this.connected, this.counts.has("release")], effect.type).toEqual([true, false]);
        return;
      case "start":
        expect(this.counts.has("release")).toBe(false);
        this.timers.add(effect.timer);
        return;
      case "stop":
        this.timers.delete(effect.timer);
        return;
      case "release":
        this.timers.clear();
    }
  }
}

function play(seed: number): void {
  const roll = dice(seed);
  const isOurs = roll(2) === 0;
  let call = newCall(isOurs ? { role: "caller", peer: { user: "bob" }, media: MEDIA } : { id: "c1", role: "callee", peer: BOB, media: MEDIA });
  const record = new Record();
  const take = (input: CallInput) => {
    const before = call;
    const next = step(call, input, { at: 1_000, me: undefined });
    call = next.call;
    for (const effect of next.effects) record.take(effect, call);
    expect(ORDER.indexOf(call.state), "a call goes forward").toBeGreaterThanOrEqual(ORDER.indexOf(before.state));
    if (before.state === "ended") expect(call.outcome, "and has one outcome").toBe(before.outcome);
    if (before.id !== undefined) expect(call.id).toBe(before.id);
    expect(call.seq, "what was heard is heard").toBeGreaterThanOrEqual(input.type === "snapshot" ? 0 : before.seq);
  };
  take({ type: isOurs ? "place" : "ring" });
  for (let seq = 1; seq < 40; seq += 1) take(anything(roll, seq, record.asked, [...record.timers]));
  // The end of every story: it is lost, and whatever was asked is answered.
  take({ type: "vanished", reason: "connection_lost" });
  for (const to of ["call:init", "call:end", "call:reject"] as const) {
    take({ type: "refusal", to, error: new RingbackError("closed", "closed") });
  }
  expect(call.state).toBe("ended");
  const { counts, timers } = record;
  expect([counts.get("release"), counts.get("tell ended"), timers.size], "let go of once, told once").toEqual([1, 1, 0]);
  expect(counts.get("named") ?? 0, "named once").toBeLessThan(2);
  expect(counts.get("settled"), "settled").toBeGreaterThan(0);
  expect(call.farewell, "nothing is left to be said").toBeUndefined();
}

describe("whatever happens", () => {
  test.each(Array.from({ length: 20 }, (_, batch) => batch))("the laws hold (seeds from %d00)", (batch) => {
    for (let seed = batch * 100; seed < batch * 100 + 100; seed += 1) {
      try {
        play(seed);
      } catch (cause) {
        throw new Error(`seed ${seed} breaks a law`, { cause });
      }
    }
  });
});
