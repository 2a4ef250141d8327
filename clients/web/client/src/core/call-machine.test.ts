import { describe, expect, test } from "vitest";
import { RingbackError } from "../errors.ts";
import type { CallEvent, Snapshot } from "../protocol.ts";
import { step } from "./call-machine.ts";
import { newCall, type CallEffect, type CallInput, type CallModel } from "./call-model.ts";

const AUDIO = { audio: true, video: false };
const ALICE = { user: "alice", device: "laptop" };
const BOB = { user: "bob", device: "phone" };

/** A call of alice's, and what it has her client do. */
class Story {
  call: CallModel;
  at = 1_000;
  #seq = 0;

  constructor(call: CallModel) {
    this.call = deepFreeze(call);
  }

  static calling(): Story {
    return new Story(newCall({ role: "caller", peer: { user: "bob" }, media: AUDIO }));
  }

  static rung(): Story {
    return new Story(newCall({ id: "c1", role: "callee", peer: BOB, media: AUDIO }));
  }

  static connecting(): Story {
    const story = Story.calling();
    story.take({ type: "place" }, { type: "reply", to: "call:init", ack: { type: "ack", id: 1, call: "c1" } });
    story.hears({ type: "call:accepted", by: BOB });
    return story;
  }

  static talking(): Story {
    const story = Story.connecting();
    story.take({ type: "transport", state: "connected" });
    story.hears({ type: "call:connected", setup_ms: 700 });
    return story;
  }

  take(...inputs: CallInput[]): string[] {
    return inputs.flatMap((input) => {
      const { call, effects } = step(this.call, input, { at: this.at, me: ALICE });
      this.call = deepFreeze(call);
      return effects.map(word);
    });
  }

  hears(event: Partial<CallEvent>, seq = (this.#seq += 1)): string[] {
    return this.take({ type: "event", event: { call: "c1", seq, at: 1, ...event } as CallEvent });
  }

  refused(to: "call:init" | "call:accept" | "call:ringing" | "call:end" | "call:connected", code: RingbackError["code"], state?: string): string[] {
    return this.take({ type: "refusal", to, error: new RingbackError(code, code, state === undefined ? {} : { state }) });
  }
}

function word(effect: CallEffect): string {
  switch (effect.type) {
    case "ask":
      return `ask ${effect.request.type}`;
    case "tell":
      return `tell ${effect.news}`;
    case "start":
    case "stop":
      return `${effect.type} ${effect.timer}`;
    case "connect":
      return effect.begins ? "connect, offer" : "connect";
    case "signal":
      return `signal ${effect.event.type}`;
    default:
      return effect.type;
  }
}

/** A step that changes what it was given fails here. */
function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null && !(part instanceof Error)) deepFreeze(part);
  return Object.freeze(value);
}

const snapshot = (fields: Partial<Snapshot> = {}): Snapshot => ({
  call: "c1",
  state: "connecting",
  role: "caller",
  peer: BOB,
  media: AUDIO,
  created_at: 1,
  seq: 9,
  ...fields,
});

describe("a call of ours", () => {
  test("is placed while the person is asked for the devices, and offers once it is accepted", () => {
    const story = Story.calling();
    expect(story.take({ type: "place" })).toEqual(["capture", "start placing", "ask call:init"]);
    expect(story.take({ type: "reply", to: "call:init", ack: { type: "ack", id: 1, call: "c1" } })).toEqual(["named", "stop placing"]);
    expect(story.hears({ type: "call:ringing" })).toEqual(["tell alerting"]);
    expect(story.hears({ type: "call:accepted", by: BOB })).toEqual(["connect, offer", "tell state"]);
    expect(story.call).toMatchObject({ state: "connecting", peer: BOB });
  });

  test("that is cancelled before it has an id is ended once it has one", () => {
    const story = Story.calling();
    story.take({ type: "place" });
    expect(story.take({ type: "end" })).toEqual(["release", "withdraw", "tell state", "tell ended"]);
    expect(story.take({ type: "reply", to: "call:init", ack: { type: "ack", id: 1, call: "c1" } })).toContain("ask call:end");
    expect(story.hears({ type: "call:ended", reason: "cancelled" })).toEqual([]);
    expect(story.take({ type: "reply", to: "call:end", ack: { type: "ack", id: 2 } })).toEqual(["settled"]);
  });

  test("that is cancelled and then refused has nothing to end", () => {
    const story = Story.calling();
    story.take({ type: "place" }, { type: "end" });
    expect(story.refused("call:init", "bad_request")).toEqual(["settled"]);
    expect(story.call.outcome?.reason).toBe("cancelled");
  });

  test("that crosses theirs becomes the callee's, and does not ring", () => {
    const story = Story.calling();
    story.take({ type: "place" });
    story.take({ type: "reply", to: "call:init", ack: { type: "ack", id: 1, call: "c1", role: "callee", glare: true } });
    expect(story.call).toMatchObject({ role: "callee", state: "ringing", answering: true });
    expect(story.hears({ type: "call:incoming", from: BOB, media: AUDIO })).toEqual([]);
    expect(story.hears({ type: "call:accepted", by: ALICE })).toEqual(["connect", "tell state"]);
  });
});

describe("a call of theirs", () => {
  test("rings, is answered, and waits for the offer", () => {
    const story = Story.rung();
    expect(story.take({ type: "ring" })).toEqual(["ask call:ringing"]);
    expect(story.take({ type: "accept", media: AUDIO })).toEqual(["capture", "ask call:accept"]);
    expect(story.take({ type: "accept", media: AUDIO })).toEqual([]);
    expect(story.take({ type: "reply", to: "call:accept", ack: { type: "ack", id: 1 } })).toEqual(["connect", "tell state"]);
    expect(story.hears({ type: "call:accepted", by: ALICE })).toEqual([]);
  });

  test("is not answered twice over a lost session: what state it is in tells whether we were first", () => {
    const story = Story.rung();
    story.take({ type: "accept", media: AUDIO });
    expect(story.refused("call:accept", "disconnected")).toEqual(["ask call:accept"]);
    expect(story.refused("call:accept", "invalid_state", "connecting")).toEqual(["connect", "tell state"]);
  });

  test("what is said of the media before we are told that we were first waits", () => {
    const story = Story.rung();
    story.take({ type: "accept", media: AUDIO });
    expect(story.hears({ type: "webrtc:offer", sdp: "o" })).toEqual([]);
    expect(story.hears({ type: "webrtc:ice", candidates: [null] })).toEqual([]);
    const done = story.take({ type: "reply", to: "call:accept", ack: { type: "ack", id: 1 } });
    expect(done).toEqual(["connect", "signal webrtc:offer", "signal webrtc:ice", "tell state"]);
    expect(story.call.early).toEqual([]);
  });

  test("answered by an earlier page of this device, it asks for the devices now", () => {
    expect(Story.rung().hears({ type: "call:accepted", by: ALICE })).toEqual(["capture", "connect", "tell state"]);
  });

  test("rejected once it is answered, it is ended", () => {
    const story = Story.rung();
    story.take({ type: "accept", media: AUDIO });
    expect(story.take({ type: "reject", reason: "rejected" })).toContain("ask call:end");
  });

  test("without a gateway it does not ring for ever, and goes on elsewhere", () => {
    const story = Story.rung();
    expect(story.take({ type: "offline" })).toEqual(["start unreachable"]);
    expect(story.take({ type: "timer", name: "unreachable" })).toEqual(["release", "settled", "tell state", "tell ended"]);
  });
});

describe("the media", () => {
  test("are said to be connected once", () => {
    const story = Story.connecting();
    expect(story.take({ type: "transport", state: "connected" })).toEqual(["ask call:connected", "stop recovery"]);
    expect(story.take({ type: "transport", state: "disconnected" })).toEqual(["start recovery", "tell link"]);
    expect(story.take({ type: "transport", state: "connected" })).toEqual(["stop recovery", "tell link"]);
    expect(story.refused("call:connected", "disconnected")).toEqual(["ask call:connected"]);
  });

  test("that can't be mended end the call, with the reason", () => {
    const story = Story.talking();
    story.take({ type: "transport", state: "failed" });
    for (let tries = 0; tries < 2; tries += 1) expect(story.take({ type: "timer", name: "recovery" })).toContain("restart-ice");
    expect(story.take({ type: "timer", name: "recovery" })).toEqual(["release", "ask call:end", "tell state", "tell ended"]);
    expect(story.call.outcome).toMatchObject({ reason: "ice_failed", by: ALICE, setupMs: 700 });
  });

  test("go on without a gateway; without both the call is lost", () => {
    const story = Story.talking();
    story.take({ type: "offline" });
    expect(story.take({ type: "timer", name: "unreachable" })).toEqual(["start unreachable"]);
    story.take({ type: "transport", state: "failed" });
    expect(story.take({ type: "timer", name: "unreachable" })).toContain("tell ended");
    expect(story.call.outcome?.reason).toBe("connection_lost");
  });

  test("of a peer who was loaded anew are negotiated anew", () => {
    const story = Story.talking();
    expect(story.hears({ type: "call:peer", status: "back", resumed: false })).toEqual(["renew"]);
    expect(story.take({ type: "transport", state: "new" })).toEqual(["start recovery", "tell link"]);
  });

  test("nothing is done about a peer connection that is not there", () => {
    expect(Story.rung().take({ type: "transport", state: "failed" }, { type: "timer", name: "recovery" }, { type: "online" })).toEqual(["stop unreachable"]);
  });
});

describe("the gateway's list", () => {
  test("is the truth: accepted, connected, or gone", () => {
    const story = Story.calling();
    story.take({ type: "place" }, { type: "found", id: "c1", role: "caller" });
    expect(story.take({ type: "snapshot", snapshot: snapshot(), fresh: true })).toEqual(["connect, offer", "tell state"]);
    expect(story.take({ type: "snapshot", snapshot: snapshot({ state: "connected" }), fresh: false })).toEqual(["renegotiate", "tell state", "tell link"]);
    expect(story.take({ type: "snapshot", snapshot: snapshot({ state: "connected" }), fresh: true })).toEqual(["renew"]);
    expect(story.hears({ type: "call:ended", reason: "hangup" }, 9)).toEqual([]);
    expect(story.take({ type: "vanished", reason: "connection_lost" })).toEqual(["release", "settled", "tell state", "tell ended"]);
  });
});

describe("the end", () => {
  const endings: [string, CallInput][] = [
    ["by us", { type: "end" }],
    ["by an event", { type: "event", event: { type: "call:ended", call: "c1", seq: 99, at: 1, reason: "hangup" } }],
    ["by a gap", { type: "vanished", reason: "connection_lost" }],
    ["for lack of devices", { type: "failed", reason: "media_denied" }],
  ];
  const later: CallInput[] = [
    { type: "accept", media: AUDIO },
    { type: "reject", reason: "busy" },
    { type: "end" },
    { type: "ring" },
    { type: "event", event: { type: "webrtc:offer", call: "c1", seq: 100, at: 1, sdp: "o" } },
    { type: "event", event: { type: "call:accepted", call: "c1", seq: 101, at: 1, by: BOB } },
    { type: "event", event: { type: "call:peer", call: "c1", seq: 102, at: 1, status: "back", resumed: false } },
    { type: "snapshot", snapshot: snapshot({ seq: 103 }), fresh: true },
    { type: "transport", state: "failed" },
    { type: "failed", reason: "ice_failed" },
    { type: "offline" },
    { type: "timer", name: "unreachable" },
    { type: "timer", name: "recovery" },
    { type: "timer", name: "placing" },
    { type: "online" },
  ];

  test.each(endings)("%s is the end, whatever comes after it", (_how, ending) => {
    for (const story of [Story.connecting(), Story.talking()]) {
      expect(story.take(ending).filter((done) => done === "release" || done === "tell ended")).toEqual(["release", "tell ended"]);
      const { outcome } = story.call;
      expect(story.take(...later)).toEqual([]);
      expect(story.call).toMatchObject({ state: "ended", outcome });
    }
  });

  test("is said again until the gateway has heard it", () => {
    const story = Story.talking();
    story.take({ type: "end" });
    expect(story.refused("call:end", "disconnected")).toEqual(["ask call:end"]);
    expect(story.refused("call:end", "no_such_call")).toEqual(["settled"]);
    expect(story.refused("call:end", "disconnected")).toEqual([]);
  });
});
