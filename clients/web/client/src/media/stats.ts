/** What the media of a call are like, read from the browser's statistics (W3C webrtc-stats). */

/** One end of the path that the media take. */
export interface PathEnd {
  type: "host" | "srflx" | "prflx" | "relay";
  /** `udp` or `tcp`: of the candidate; to the relay it may be another. */
  protocol?: string;
  /** How the relay is reached: `udp`, `tcp` or `tls`. */
  relayProtocol?: string;
  networkType?: string;
}

/** Counters of one kind of media, from the beginning of the peer connection. */
export interface Received {
  packets: number;
  bytes: number;
  lost: number;
  jitterMs?: number;
}

export interface Sent {
  packets: number;
  bytes: number;
  /** Of what this side sent, by the peer's account. */
  lost?: number;
}

export interface Picture {
  width?: number;
  height?: number;
  framesPerSecond?: number;
}

export interface CallStats {
  /** The path that ICE has selected; absent before there is one. */
  path?: { local: PathEnd; remote: PathEnd };
  roundTripMs?: number;
  audio: { received?: Received; sent?: Sent };
  video: { received?: Received & Picture; sent?: Sent & Picture };
}

export const noStats = (): CallStats => ({ audio: {}, video: {} });

export type NetworkQuality = "good" | "fair" | "poor";

/** What is told of a call's media when it ends, for whoever has to explain it later. */
export interface MediaReport {
  /** The types of the selected candidates, ours first. */
  pair?: [string, string];
  protocol?: string;
  rtt_ms?: number;
}

type Entry = Record<string, unknown> & { type: string };
type Report = ReadonlyMap<string, Entry>;

export async function readStats(pc: Pick<RTCPeerConnection, "getStats">): Promise<CallStats> {
  const report = (await pc.getStats()) as unknown as Report;
  const pair = selectedPair(report);
  const local = pathEnd(report, pair?.localCandidateId);
  const remote = pathEnd(report, pair?.remoteCandidateId);
  const roundTrip = number(pair?.currentRoundTripTime);
  const stats = noStats();
  if (local !== undefined && remote !== undefined) stats.path = { local, remote };
  if (roundTrip !== undefined) stats.roundTripMs = Math.round(roundTrip * 1000);
  for (const entry of report.values()) {
    const kind = entry.kind === "audio" || entry.kind === "video" ? entry.kind : undefined;
    if (kind === undefined) continue;
    if (entry.type === "inbound-rtp") stats[kind].received = received(entry);
    if (entry.type === "outbound-rtp") stats[kind].sent = sent(entry, report);
  }
  return stats;
}

export function mediaReport({ path, roundTripMs }: CallStats): MediaReport {
  return {
    ...(path === undefined ? {} : { pair: [path.local.type, path.remote.type] as [string, string] }),
    ...(path?.local.protocol === undefined ? {} : { protocol: path.local.protocol }),
    ...(roundTripMs === undefined ? {} : { rtt_ms: roundTripMs }),
  };
}

/** Above these a conversation suffers (ITU-T G.114 for the delay; concealment hides some 2% of losses). */
const FAIR = { roundTripMs: 300, loss: 0.02 };
const POOR = { roundTripMs: 600, loss: 0.08 };

/** How good the network was between two looks at it. */
export function networkQuality(before: CallStats, now: CallStats): NetworkQuality {
  const loss = lossBetween(before, now);
  const roundTripMs = now.roundTripMs ?? 0;
  const exceeds = (limits: typeof FAIR) => roundTripMs > limits.roundTripMs || loss > limits.loss;
  return exceeds(POOR) ? "poor" : exceeds(FAIR) ? "fair" : "good";
}

/** The share of packets that did not arrive, of all kinds. A counter that went back belongs to a new peer connection. */
function lossBetween(before: CallStats, now: CallStats): number {
  let [lost, packets] = [0, 0];
  for (const kind of ["audio", "video"] as const) {
    lost += Math.max(0, (now[kind].received?.lost ?? 0) - (before[kind].received?.lost ?? 0));
    packets += Math.max(0, (now[kind].received?.packets ?? 0) - (before[kind].received?.packets ?? 0));
  }
  return lost === 0 ? 0 : lost / (lost + packets);
}

function selectedPair(report: Report): Entry | undefined {
  for (const entry of report.values()) {
    if (entry.type === "transport" && typeof entry.selectedCandidatePairId === "string") {
      return report.get(entry.selectedCandidatePairId);
    }
    // Firefox marks the pair itself.
    if (entry.type === "candidate-pair" && entry.selected === true) return entry;
  }
  return undefined;
}

function pathEnd(report: Report, id: unknown): PathEnd | undefined {
  const candidate = report.get(String(id));
  if (candidate === undefined) return undefined;
  const { candidateType, protocol, relayProtocol, networkType } = candidate;
  return {
    type: candidateType as PathEnd["type"],
    ...(typeof protocol === "string" ? { protocol } : {}),
    ...(typeof relayProtocol === "string" ? { relayProtocol } : {}),
    ...(typeof networkType === "string" ? { networkType } : {}),
  };
}

function received(entry: Entry): Received & Picture {
  const jitter = number(entry.jitter);
  return {
    packets: number(entry.packetsReceived) ?? 0,
    bytes: number(entry.bytesReceived) ?? 0,
    lost: number(entry.packetsLost) ?? 0,
    ...(jitter === undefined ? {} : { jitterMs: Math.round(jitter * 1000) }),
    ...picture(entry),
  };
}

function sent(entry: Entry, report: Report): Sent & Picture {
  const lost = number(report.get(String(entry.remoteId))?.packetsLost);
  return {
    packets: number(entry.packetsSent) ?? 0,
    bytes: number(entry.bytesSent) ?? 0,
    ...(lost === undefined ? {} : { lost }),
    ...picture(entry),
  };
}

function picture(entry: Entry): Picture {
  const [width, height, framesPerSecond] = [number(entry.frameWidth), number(entry.frameHeight), number(entry.framesPerSecond)];
  return {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(framesPerSecond === undefined ? {} : { framesPerSecond }),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
