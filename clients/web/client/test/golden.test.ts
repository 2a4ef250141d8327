/// <reference types="vite/client" />
import { describe, expect, test } from "vitest";
import { isCallEvent, parseFrame, type HelloFrame, type Media, type Welcome } from "../src/protocol.ts";
import { Stage } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

type Golden = { json: Record<string, unknown> & { type: string; id?: number } };

/** The frames as the gateway's own tests have them, by name. */
function frames(files: Record<string, unknown>): Record<string, Golden["json"]> {
  const name = (path: string) => path.replace(/.*\/|\.json$/g, "");
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [name(path), (file as Golden).json]));
}

const server = frames(import.meta.glob("../../../../crates/wire/golden/server/*.json", { eager: true, import: "default" }));
const client = frames(import.meta.glob("../../../../crates/wire/golden/client/*.json", { eager: true, import: "default" }));

/** Values to be given to the client; their types are what the frames are compared with. */
const values = <T>(name: string) => golden(name) as unknown as T;

const ID = "p7-0123456789abcdef";
const golden = (name: string) => {
  const frame = client[name];
  if (frame === undefined) throw new Error(`there is no golden frame ${name}`);
  return frame;
};

describe("what the gateway says", () => {
  test("there is something to compare with", () => {
    expect(Object.keys(server).length).toBeGreaterThan(15);
    expect(Object.keys(client).length).toBeGreaterThan(15);
  });

  test.each(Object.entries(server))("%s is read", (_name, json) => {
    const frame = parseFrame(JSON.stringify(json));
    expect(frame).toEqual(json);
    expect(frame && isCallEvent(frame)).toBe("seq" in json);
  });

  test("every event is taken, in any state of its call", async () => {
    for (const json of Object.values(server).filter((frame) => "seq" in frame)) {
      const stage = await Stage.online();
      await stage.rung(ID);
      stage.says({ ...json, seq: 100 });
      await settle();
      expect(stage.client.state).toBe("online");
    }
  });

  test("a welcome is understood", async () => {
    const { id: _, ...welcome } = server.ack_hello as unknown as Welcome;
    const stage = await Stage.online({}, welcome);
    expect(stage.client.state).toBe("online");
    expect(stage.client.calls).toMatchObject([{ id: ID, role: "callee", state: "connected", peer: { user: "bob" } }]);
  });
});

describe("what we say", () => {
  /** Equal in everything but the number of the request, and what any request may report as seen. */
  const expectGolden = (sent: Record<string, unknown>, name: string) => {
    const frame = golden(name);
    const ignored = name === "hello" ? {} : { seen: undefined };
    expect({ ...sent, id: frame.id, ...ignored }).toEqual({ ...frame, ...ignored });
  };

  test("hello, with a session to resume", async () => {
    const { token, device, session, client: program } = values<HelloFrame>("hello");
    const stage = await Stage.online({ token, device, client: program }, { session });
    await stage.tells(ID, { type: "call:incoming", from: { user: "bob", device: "phone" }, media: { audio: true, video: true } }, 12);
    expectGolden(await stage.comesBack({ session, resumed: true }), "hello");
  });

  test("a call, from its placing to its report", async () => {
    const stage = await Stage.online();
    const { to, media, metadata } = values<{ to: string; media: Media; metadata: unknown }>("call_init");
    const call = stage.client.call(to, media, metadata);
    await settle();
    expectGolden(stage.asked("call:init"), "call_init");
    await stage.acks("call:init", { call: ID });
    await stage.tells(ID, { type: "call:accepted", by: { user: "bob", device: "phone" } });
    const { sdp, ...offer } = stage.asked("webrtc:offer");
    expect(sdp).toMatch(/^offer/);
    expectGolden({ ...offer, sdp: golden("webrtc_offer").sdp }, "webrtc_offer");
    await stage.acks("webrtc:offer");
    const [candidate] = golden("webrtc_ice").candidates as RTCIceCandidateInit[];
    stage.pc.fire("icecandidate", { candidate: { candidate: candidate?.candidate, toJSON: () => candidate } });
    stage.pc.fire("icecandidate", { candidate: null });
    expectGolden(stage.asked("webrtc:ice"), "webrtc_ice");
    stage.pc.becomes("connected");
    await settle();
    expectGolden(stage.asked("call:connected"), "call_connected");
    stage.pc.stats = new Map<string, object>([
      ["T", { type: "transport", selectedCandidatePairId: "P" }],
      ["P", { type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", currentRoundTripTime: 0.0412 }],
      ["L", { type: "local-candidate", candidateType: "host" }],
      ["R", { type: "remote-candidate", candidateType: "relay" }],
    ]);
    void call.end();
    await settle();
    expectGolden(stage.asked("call:end"), "call_end");
    expectGolden(stage.asked("call:report"), "call_report");
  });

  test("a ring, and its answer", async () => {
    const stage = await Stage.online();
    const call = await stage.rung(ID);
    expectGolden(stage.asked("call:ringing"), "call_ringing");
    void call.accept();
    await stage.acks("call:accept");
    expectGolden(stage.asked("call:accept"), "call_accept");
    await stage.tells(ID, { type: "webrtc:offer", sdp: "offer audio" }, 12);
    const { sdp, ...answer } = stage.asked("webrtc:answer");
    expect(sdp).toMatch(/^answer/);
    expectGolden({ ...answer, sdp: golden("webrtc_answer").sdp }, "webrtc_answer");
  });

  test("refusals", async () => {
    const stage = await Stage.online();
    void (await stage.rung(ID)).reject();
    expectGolden(stage.asked("call:reject"), "call_reject");
    await stage.acks("call:reject");
    void (await stage.rung(`${ID}2`)).reject("busy");
    expectGolden({ ...stage.asked("call:reject"), call: ID }, "call_reject_busy");
  });

  test("a ping and a token", async () => {
    const stage = await Stage.online({ token: "t" }, { token_expires_at: 1_790_000_040_000 });
    stage.client.probe();
    expectGolden(stage.asked("ping"), "ping");
    await stage.timers.pass(25_000);
    expectGolden(stage.asked("token"), "token");
  });

  test("what has been seen", async () => {
    const stage = await Stage.online();
    await stage.rung(ID);
    await stage.tells(ID, { type: "call:ended", reason: "cancelled" }, 12);
    await stage.timers.pass(2_000);
    expect(stage.asked("seen")).toEqual(golden("seen"));
  });

  test("that missed calls are asked for, and known", async () => {
    const { token, device, missed: none } = values<HelloFrame>("hello_missed");
    const stage = new Stage({ token, device });
    stage.client.on("missed", () => undefined);
    stage.client.open();
    const { client: program, ...hello } = await stage.welcome();
    expect([{ ...hello, id: 1 }, none, program]).toEqual([golden("hello_missed"), 0, expect.anything()]);
    stage.says({ ...server.missed, until: golden("seen_missed").missed });
    expect(stage.asked("seen")).toEqual(golden("seen_missed"));
  });

  test("that the media never got through", async () => {
    const stage = await Stage.online();
    await stage.calls(undefined, ID);
    await stage.acks("webrtc:offer");
    for (let tries = 0; tries < 4; tries += 1) stage.pc.becomes("failed");
    await settle();
    expectGolden(stage.asked("call:end"), "call_end_ice_failed");
  });
});
