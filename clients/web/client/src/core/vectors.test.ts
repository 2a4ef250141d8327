import { describe, expect, test } from "vitest";
import vectors from "../../../../../crates/wire/vectors/calls.json" with { type: "json" };
import { RingbackError } from "../errors.ts";
import type { Ack, CallEvent, ErrorFrame, Media, Request } from "../protocol.ts";
import { step } from "./call-machine.ts";
import { linkOf, newCall, type CallInput, type CallModel } from "./call-model.ts";

/** What a device asked, with the reply, or what it was told; see `crates/wire/tests/vectors.rs`. */
type Entry = { asked: Request & { id: number }; reply: Ack | ErrorFrame } | { told: CallEvent };
type Logs = Record<string, Entry[]>;
type Stands = Record<string, { state: string; reason?: string; peer_away?: boolean }>;

interface Vector {
  state: string;
  logs: Logs;
  stands: Stands;
  then: { what: string; by?: string; logs: Logs; stands: Stands }[];
}

/** A device that is played its log. */
class Device {
  call: CallModel | undefined;
  /** What it has asked that the log has not come to yet. */
  asks: Request[] = [];

  copy(): Device {
    return Object.assign(new Device(), { call: this.call, asks: [...this.asks] });
  }

  take(input: CallInput): void {
    if (this.call === undefined) throw new Error(`there is no call to ${input.type}`);
    const { call, effects } = step(this.call, input, { at: 1_000_000, me: undefined });
    this.call = call;
    for (const effect of effects) if (effect.type === "ask") this.asks.push(effect.request);
  }

  hears(event: CallEvent): void {
    if (this.call === undefined) {
      // Of a call that is none of its own a device hears first that it rings.
      if (event.type !== "call:incoming") throw new Error(`${event.type} of an unknown call`);
      this.call = newCall({ id: event.call, role: "callee", peer: event.from, media: event.media, seq: event.seq });
      this.take({ type: "ring" });
    } else {
      this.take({ type: "event", event });
    }
  }

  /** What makes a person's device ask for this. */
  wants(request: Request): void {
    switch (request.type) {
      case "call:init":
        this.call = newCall({ role: "caller", peer: { user: request.to }, media: request.media as Media });
        return this.take({ type: "place" });
      case "call:ringing":
        // Asked by itself, as soon as it rings.
        return this.asks.length === 0 ? this.take({ type: "ring" }) : undefined;
      case "call:accept":
        return this.take({ type: "accept", media: { audio: true, video: false } });
      case "call:reject":
        return this.take({ type: "reject", reason: request.reason ?? "rejected" });
      case "call:end": {
        const { reason } = request;
        return this.take(reason === "ice_failed" || reason === "media_denied" ? { type: "failed", reason } : { type: "end" });
      }
      case "call:connected":
        return this.take({ type: "transport", state: "connected" });
    }
  }

  replies(to: Request["type"], reply: Ack | ErrorFrame): void {
    if (reply.type === "ack") this.take({ type: "reply", to, ack: reply });
    else this.take({ type: "refusal", to, error: RingbackError.from(reply) });
  }

  /** Everything in the log is asked, and nothing else. */
  plays(log: Entry[]): void {
    for (const entry of log) {
      if ("told" in entry) {
        this.hears(entry.told);
      } else if (!entry.asked.type.startsWith("webrtc:")) {
        const { id: _, ...asked } = entry.asked;
        this.wants(asked as Request);
        expect(this.asks.shift()).toEqual(asked);
        this.replies(asked.type, entry.reply);
      }
    }
  }
}

function expectToStand(device: Device | undefined, stands: Stands[string], where: string): void {
  const { call } = device ?? {};
  expect(call?.state, where).toBe(stands.state);
  if (stands.reason !== undefined) expect(call?.outcome?.reason, where).toBe(stands.reason);
  if (stands.peer_away !== undefined && call !== undefined) {
    expect(linkOf({ ...call, mediaFlowed: false, state: "connecting" }), where).toBe(stands.peer_away ? "peer_reconnecting" : "fine");
  }
}

function played({ logs }: Vector): Map<string, Device> {
  const devices = new Map<string, Device>();
  for (const [name, log] of Object.entries(logs)) {
    const device = new Device();
    device.plays(log);
    devices.set(name, device);
  }
  return devices;
}

describe.each(vectors as unknown as Vector[])("a call that is $state", (vector) => {
  const before = played(vector);

  test("is that for every device, which asks what the log has and nothing else", () => {
    for (const [name, stands] of Object.entries(vector.stands)) {
      expectToStand(before.get(name), stands, name);
      expect(before.get(name)?.asks, name).toEqual([]);
    }
  });

  test.each(vector.then)("$what", ({ by, logs, stands }) => {
    const after = new Map([...before].map(([name, device]) => [name, device.copy()]));
    for (const [name, log] of Object.entries(logs)) {
      const device = after.get(name) ?? new Device();
      after.set(name, device);
      const [first, ...rest] = log;
      if (name !== by || first === undefined || "told" in first) device.plays(log);
      else asks(device, first, rest);
    }
    for (const [name, stand] of Object.entries(stands)) {
      const device = after.get(name);
      // To end what rings is to reject it, to reject what is answered is to end it: other requests than the refused one.
      if (name === by && vector.stands[name]?.state !== "ended" && device?.call?.state === "ended" && stand.state !== "ended") continue;
      expectToStand(device, stand, name);
    }
  });
});

/** The device's own part: it asks what the gateway would act on, and nothing that it would refuse. */
function asks(device: Device, { asked, reply }: Extract<Entry, { asked: unknown }>, then: Entry[]): void {
  if (!asked.type.startsWith("webrtc:")) {
    const { id: _, ...request } = asked;
    device.wants(request as Request);
    const made = device.asks.find(({ type }) => type === request.type);
    if (reply.type === "error") expect(made, "what is refused").toBeUndefined();
    else if (then.length > 0) expect(made, "what has an effect").toEqual(request);
    if (made !== undefined) device.replies(request.type, reply);
  }
  for (const entry of then) if ("told" in entry) device.hears(entry.told);
}
