import type { Call, NetworkQuality } from "@ringback/client";
import type { CallSnapshot } from "../call-snapshot.ts";
import type { CallPhase } from "../phase.ts";
import { useNetworkQuality } from "../use-network-quality.ts";
import { clock, type CallWords } from "../words.ts";
import { useNow } from "./use-now.ts";

interface CaptionProps {
  call: Call;
  now: CallSnapshot;
  phase: CallPhase;
  isOnline: boolean;
  words: CallWords;
}

/** Who it is, and how the call fares. What is read aloud is in one place, which is there from the beginning. */
export function Caption({ call, now, phase, isOnline, words }: CaptionProps) {
  // While nothing comes in nothing gets lost: no reason to call that good.
  const quality = useNetworkQuality(phase === "connected" && now.link !== "reconnecting" ? call : undefined);
  const text = statusText(now, phase, isOnline, words);
  const isBroken = (phase === "connecting" || phase === "connected") && now.link !== "fine";
  const durationMs = now.outcome?.durationMs;
  return (
    <header className="ringback-caption">
      <h2 className="ringback-name" data-testid="peer-name">
        {now.peer.user}
      </h2>
      <p className="ringback-status" role="status" data-quiet={(phase === "connected" && !isBroken) || undefined}>
        {isBroken ? (
          <span className="ringback-banner" data-testid="reconnecting">
            {text}
          </span>
        ) : (
          text
        )}
      </p>
      {phase === "connected" && (
        <p className="ringback-line" data-testid="call-line">
          <Clock since={now.connectedAt} />
          {quality !== undefined && <Bars quality={quality} words={words} />}
        </p>
      )}
      {phase === "ended" && durationMs !== undefined && <p className="ringback-line">{clock(durationMs)}</p>}
    </header>
  );
}

function Clock({ since }: { since: number | undefined }) {
  const now = useNow(since !== undefined);
  return <span role="timer">{clock(since === undefined ? 0 : now - since)}</span>;
}

function Bars({ quality, words }: { quality: NetworkQuality; words: CallWords }) {
  const name = words.network(quality);
  return (
    <span className="ringback-bars" data-quality={quality} data-testid="quality" role="img" aria-label={name} title={name}>
      <i />
      <i />
      <i />
    </span>
  );
}

function statusText({ link, peer, media, role, alerting, outcome }: CallSnapshot, phase: CallPhase, isOnline: boolean, words: CallWords): string {
  switch (phase) {
    case "incoming":
      return words.rings(media.video);
    case "outgoing":
      return alerting ? words.ringing : isOnline ? words.calling : words.offline;
    case "ended":
      return outcome === undefined ? "" : words.ended(peer.user, role, outcome);
    default:
      if (link === "reconnecting") return words.reconnecting;
      if (link === "peer_reconnecting") return words.peerReconnecting(peer.user);
      return phase === "connected" ? words.connected : words.connecting;
  }
}
