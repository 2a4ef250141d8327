import type { Call, Media } from "@ringback/client";
import type { CallSnapshot } from "../call-snapshot.ts";
import type { CallPhase } from "../phase.ts";
import type { CallWords } from "../words.ts";
import { Control } from "./control.tsx";
import { DeviceMenu } from "./device-menu.tsx";
import type { Actions } from "./use-actions.ts";

export interface ControlsProps {
  call: Call;
  now: CallSnapshot;
  phase: CallPhase;
  actions: Actions;
  words: CallWords;
  speaker: string | undefined;
  onSpeaker: (deviceId: string) => void;
  onAnswer: (call: Call, media: Media) => void;
  onCallAgain: ((call: Call) => void) | undefined;
  onClose: ((call: Call) => void) | undefined;
}

/** What can be done now. */
export function Controls(props: ControlsProps) {
  const { phase, words } = props;
  return (
    <div className="ringback-controls" role="group" aria-label={words.controls}>
      {phase === "incoming" && <Incoming {...props} />}
      {phase === "outgoing" && <Control icon="hang-up" look="stop" text={words.cancel} part="cancel" onClick={() => void props.call.end()} />}
      {(phase === "connecting" || phase === "connected") && <InCall {...props} />}
      {phase === "ended" && <Ended {...props} />}
    </div>
  );
}

function Incoming({ call, now, words, onAnswer }: ControlsProps) {
  const { media } = now;
  return (
    <>
      <Control icon="hang-up" look="stop" text={words.decline} part="decline" onClick={() => void call.reject()} />
      <Control icon={media.video ? "camera" : "answer"} look="go" text={words.answer} part="answer" onClick={() => onAnswer(call, media)} />
      {media.video && (
        <button type="button" className="ringback-second" data-testid="answer-audio" onClick={() => onAnswer(call, { ...media, video: false })}>
          {words.answerWithoutCamera}
        </button>
      )}
    </>
  );
}

function InCall({ call, now, words, actions, speaker, onSpeaker }: ControlsProps) {
  const { muted, cameraOn, screenOn, localStream } = now;
  const hasMedia = localStream !== undefined;
  return (
    <>
      <Control
        icon={muted ? "microphone-off" : "microphone"}
        look={muted ? "off" : "plain"}
        text={words.mute}
        part="mute"
        pressed={muted}
        onClick={actions.toggleMute}
      />
      <Control
        icon={cameraOn ? "camera" : "camera-off"}
        look={cameraOn ? "plain" : "off"}
        text={words.camera}
        part="camera"
        pressed={cameraOn}
        {...unless(hasMedia && actions.busy !== "camera", actions.toggleCamera)}
      />
      {canShareScreen() && (
        <Control
          icon="screen"
          look={screenOn ? "on" : "plain"}
          text={words.screen}
          name={words.shareScreen}
          part="screen"
          pressed={screenOn}
          {...unless(hasMedia && actions.busy !== "screen", actions.toggleScreen)}
        />
      )}
      <DeviceMenu now={now} actions={actions} speaker={speaker} onSpeaker={onSpeaker} words={words} />
      <Control icon="hang-up" look="stop" text={words.hangUp} part="hangup" onClick={() => void call.end()} />
    </>
  );
}

function Ended({ call, words, onCallAgain, onClose }: ControlsProps) {
  return (
    <>
      {onClose !== undefined && <Control icon="close" text={words.close} part="dismiss" onClick={() => onClose(call)} />}
      {onCallAgain !== undefined && (
        <Control icon={call.media.video ? "camera" : "answer"} look="go" text={words.callAgain} part="call-again" onClick={() => onCallAgain(call)} />
      )}
    </>
  );
}

/** Not `disabled`: that would take the focus away from who has just pressed it. */
function unless(possible: boolean, action: () => void) {
  return possible ? { onClick: action } : { "aria-disabled": true };
}

/** No browser of a phone can. */
function canShareScreen(): boolean {
  return typeof navigator !== "undefined" && navigator.mediaDevices?.getDisplayMedia !== undefined;
}
