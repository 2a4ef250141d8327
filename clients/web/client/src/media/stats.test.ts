import { describe, expect, test } from "vitest";
import { mediaReport, networkQuality, readStats, type CallStats } from "./stats.ts";

const read = (...entries: [string, object][]) => readStats({ getStats: async () => new Map(entries) as unknown as RTCStatsReport });

const PATH: [string, object][] = [
  ["P", { type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", currentRoundTripTime: 0.0412 }],
  ["O", { type: "candidate-pair", localCandidateId: "R", remoteCandidateId: "L", currentRoundTripTime: 9 }],
  ["L", { type: "local-candidate", candidateType: "relay", protocol: "udp", relayProtocol: "tls", networkType: "wifi" }],
  ["R", { type: "remote-candidate", candidateType: "srflx", protocol: "udp" }],
];

describe("statistics", () => {
  test("say which path the media take, and how long it is", async () => {
    const stats = await read(["T", { type: "transport", selectedCandidatePairId: "P" }], ...PATH);
    expect(stats).toMatchObject({
      path: { local: { type: "relay", protocol: "udp", relayProtocol: "tls", networkType: "wifi" }, remote: { type: "srflx", protocol: "udp" } },
      roundTripMs: 41,
    });
    expect(mediaReport(stats)).toEqual({ pair: ["relay", "srflx"], protocol: "udp", rtt_ms: 41 });
  });

  test("have the path where Firefox marks the pair", async () => {
    const [[id, pair], ...rest] = PATH as [[string, object], ...[string, object][]];
    const stats = await read([id, { ...pair, selected: true }], ...rest);
    expect(stats.path?.remote.type).toBe("srflx");
  });

  test("count what comes and what goes, by kind", async () => {
    const stats = await read(
      ["IA", { type: "inbound-rtp", kind: "audio", packetsReceived: 50, bytesReceived: 5_000, packetsLost: 2, jitter: 0.0121 }],
      ["IV", { type: "inbound-rtp", kind: "video", packetsReceived: 90, bytesReceived: 90_000, packetsLost: 0, frameWidth: 640, frameHeight: 480, framesPerSecond: 24 }],
      ["OA", { type: "outbound-rtp", kind: "audio", packetsSent: 60, bytesSent: 6_000, remoteId: "RI" }],
      ["RI", { type: "remote-inbound-rtp", packetsLost: 3 }],
      ["X", { type: "codec" }],
    );
    expect(stats).toEqual({
      audio: { received: { packets: 50, bytes: 5_000, lost: 2, jitterMs: 12 }, sent: { packets: 60, bytes: 6_000, lost: 3 } },
      video: { received: { packets: 90, bytes: 90_000, lost: 0, width: 640, height: 480, framesPerSecond: 24 } },
    });
  });

  test("of a peer connection without any are empty", async () => {
    const stats = await read();
    expect([stats, mediaReport(stats)]).toEqual([{ audio: {}, video: {} }, {}]);
  });
});

describe("the network", () => {
  const at = (packets: number, lost: number, roundTripMs?: number): CallStats => ({
    audio: { received: { packets, bytes: 0, lost } },
    video: {},
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
  });

  test.each([
    [at(100, 0), at(200, 0, 40), "good"],
    [at(100, 50), at(200, 51, 40), "good"],
    [at(100, 0), at(200, 5, 40), "fair"],
    [at(100, 0), at(200, 20, 40), "poor"],
    [at(100, 0), at(200, 0, 400), "fair"],
    [at(100, 0), at(200, 0, 700), "poor"],
    [at(100, 0), at(100, 30), "poor"],
    [at(900, 90), at(10, 0), "good"],
    [at(0, 0), at(0, 0), "good"],
  ])("from %o to %o is %s", (before, now, quality) => {
    expect(networkQuality(before, now)).toBe(quality);
  });
});
