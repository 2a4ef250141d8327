import type { Call, Media } from "@ringback/client";
import { useMemo, useRef, useState } from "react";
import { useConnectionState } from "../use-client.ts";
import { phaseOf } from "../phase.ts";
import { useCall } from "../use-call.ts";
import { english, type CallWords } from "../words.ts";
import { Avatar } from "./avatar.tsx";
import { Caption } from "./caption.tsx";
import { Controls } from "./controls.tsx";
import { OwnPicture, TheirPicture } from "./pictures.tsx";
import { useActions } from "./use-actions.ts";
import { useKeptFocus } from "./use-kept-focus.ts";

export interface CallViewProps {
  call: Call;
  /** Takes the focus when it appears, so that what is read aloud begins here. */
  autoFocus?: boolean;
  className?: string;
  /** As the system is, unless it is said. */
  theme?: "light" | "dark";
  /** In the place of the English ones. */
  words?: Partial<CallWords>;
  /** In the place of `call.accept(media)`. */
  onAnswer?: (call: Call, media: Media) => void;
  /** With it, a call that is over can be made again. */
  onCallAgain?: (call: Call) => void;
  /** With it, a call that is over can be closed. */
  onClose?: (call: Call) => void;
}

/** A call, from its first ring to its end, with all that a person can do with it. It fills what it is put into. */
export function CallView({ call, ...props }: CallViewProps) {
  return <View key={keyOf(call)} call={call} {...props} />;
}

function View({ call, autoFocus = false, className, theme, words: some, onAnswer = accept, onCallAgain, onClose }: CallViewProps) {
  const words = useMemo(() => ({ ...english, ...some }), [some]);
  const now = useCall(call);
  const phase = phaseOf(now);
  const isOnline = useConnectionState() !== "waiting";
  const actions = useActions(call, words);
  const [speaker, setSpeaker] = useState<string>();
  const view = useRef<HTMLElement>(null);
  const focus = useKeptFocus(view, phase, autoFocus);
  const isAnswered = phase === "connecting" || phase === "connected";
  const seesPeer = isAnswered && now.seesPeer;
  return (
    <section
      ref={view}
      {...focus}
      className={className === undefined ? "ringback-call" : `ringback-call ${className}`}
      data-testid="call-view"
      data-phase={phase}
      data-theme={theme}
      data-video={seesPeer || undefined}
      aria-label={words.call(now.peer.user)}
      tabIndex={-1}
    >
      {isAnswered && <TheirPicture now={now} speaker={speaker} words={words} />}
      <div className="ringback-person">
        {!seesPeer && <Avatar user={now.peer.user} pulsing={phase === "incoming" || phase === "outgoing"} />}
        <Caption call={call} now={now} phase={phase} isOnline={isOnline} words={words} />
        <p className="ringback-trouble" role="alert" data-testid="trouble">
          {isAnswered && actions.trouble}
        </p>
      </div>
      {isAnswered && (now.cameraOn || now.screenOn) && <OwnPicture now={now} words={words} />}
      <Controls {...{ call, now, phase, actions, words, speaker, onSpeaker: setSpeaker, onAnswer, onCallAgain, onClose }} />
    </section>
  );
}

function accept(call: Call, media: Media): void {
  // Why not is told by the end of the call.
  call.accept(media).catch(() => undefined);
}

const keys = new WeakMap<Call, number>();
let lastKey = 0;

/** Another call is another view: nothing of the last one is left in it. */
function keyOf(call: Call): number {
  const key = keys.get(call) ?? (lastKey += 1);
  keys.set(call, key);
  return key;
}
