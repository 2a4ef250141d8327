/** What is told of a call's media when it ends, for whoever has to explain it later. */
export interface MediaReport {
  /** The types of the selected candidates: `host`, `srflx`, `prflx` or `relay`; ours first. */
  pair?: [string, string];
  protocol?: string;
  rtt_ms?: number;
}

type Stats = Record<string, unknown> & { type: string };

export async function mediaReport(pc: RTCPeerConnection): Promise<MediaReport> {
  const stats = (await pc.getStats()) as unknown as ReadonlyMap<string, Stats>;
  const pair = selectedPair(stats);
  if (pair === undefined) return {};
  const local = stats.get(String(pair.localCandidateId));
  const remote = stats.get(String(pair.remoteCandidateId));
  const rtt = pair.currentRoundTripTime;
  return {
    ...(local && remote ? { pair: [String(local.candidateType), String(remote.candidateType)] as [string, string] } : {}),
    ...(typeof local?.protocol === "string" ? { protocol: local.protocol } : {}),
    ...(typeof rtt === "number" ? { rtt_ms: Math.round(rtt * 1000) } : {}),
  };
}

function selectedPair(stats: ReadonlyMap<string, Stats>): Stats | undefined {
  for (const entry of stats.values()) {
    if (entry.type === "transport" && typeof entry.selectedCandidatePairId === "string") {
      return stats.get(entry.selectedCandidatePairId);
    }
    // Firefox marks the pair itself.
    if (entry.type === "candidate-pair" && entry.selected === true) return entry;
  }
  return undefined;
}
