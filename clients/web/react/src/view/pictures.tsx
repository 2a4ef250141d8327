import type { CallSnapshot } from "../call-snapshot.ts";
import { useMediaElement } from "../use-media-element.ts";
import type { CallWords } from "../words.ts";

/** What the peer sends. It is heard also where there is nothing to be seen. */
export function TheirPicture({ now, speaker, words }: { now: CallSnapshot; speaker: string | undefined; words: CallWords }) {
  const ref = useMediaElement<HTMLVideoElement>(now.remoteStream, speaker);
  return <video ref={ref} className="ringback-remote" data-testid="remote-video" autoPlay playsInline aria-label={words.theirPicture(now.peer.user)} />;
}

/** What the peer sees: as in a mirror, for that is how people know themselves; but a screen has to be read. */
export function OwnPicture({ now, words }: { now: CallSnapshot; words: CallWords }) {
  const ref = useMediaElement<HTMLVideoElement>(now.localStream);
  return (
    <video ref={ref} className="ringback-own" data-testid="own-video" data-mirrored={!now.screenOn || undefined} autoPlay playsInline muted aria-label={words.ownPicture} />
  );
}
