import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import type { CallSnapshot } from "../call-snapshot.ts";
import { useMediaDevices } from "../use-media-devices.ts";
import type { CallWords } from "../words.ts";
import { Control } from "./control.tsx";
import type { Actions } from "./use-actions.ts";

interface DeviceMenuProps {
  now: CallSnapshot;
  actions: Actions;
  speaker: string | undefined;
  onSpeaker: (deviceId: string) => void;
  words: CallWords;
}

/** A button that opens the choice of devices. Escape, and a press elsewhere, close it. */
export function DeviceMenu({ now, actions, speaker, onSpeaker, words }: DeviceMenuProps) {
  const [isOpen, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const panel = useId();
  const { microphones, cameras, speakers, refresh } = useMediaDevices();

  useEffect(() => {
    if (!isOpen) return;
    refresh();
    const pressed = ({ target }: PointerEvent) => {
      if (target instanceof Node && !menu.current?.contains(target)) setOpen(false);
    };
    document.addEventListener("pointerdown", pressed);
    return () => document.removeEventListener("pointerdown", pressed);
  }, [isOpen, refresh]);

  const closeByKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen) return;
    event.stopPropagation();
    setOpen(false);
    menu.current?.querySelector("button")?.focus();
  };

  return (
    <div ref={menu} className="ringback-menu" onKeyDown={closeByKey}>
      <Control icon="devices" text={words.devices} part="devices" aria-expanded={isOpen} aria-controls={isOpen ? panel : undefined} onClick={() => setOpen(!isOpen)} />
      {isOpen && (
        <div id={panel} className="ringback-panel" role="group" aria-label={words.devices} data-testid="device-menu">
          <Choice
            name={words.microphone}
            part="microphone"
            devices={microphones}
            chosen={deviceOf(now.localStream?.getAudioTracks()[0])}
            onChoose={actions.useMicrophone}
            words={words}
          />
          {/* To choose a camera starts it, so it is for those whose camera is on. */}
          {now.cameraOn && !now.screenOn && (
            <Choice
              name={words.camera}
              part="camera-choice"
              devices={cameras}
              chosen={deviceOf(now.localStream?.getVideoTracks()[0])}
              onChoose={actions.useCamera}
              words={words}
            />
          )}
          {speakers.length > 0 && (
            <Choice name={words.speaker} part="speaker" devices={speakers} chosen={speaker ?? "default"} onChoose={onSpeaker} words={words} />
          )}
        </div>
      )}
    </div>
  );
}

interface ChoiceProps {
  name: string;
  part: string;
  devices: readonly MediaDeviceInfo[];
  chosen: string | undefined;
  onChoose: (deviceId: string) => void;
  words: CallWords;
}

function Choice({ name, part, devices, chosen, onChoose, words }: ChoiceProps) {
  const id = useId();
  const isKnown = devices.some(({ deviceId }) => deviceId === chosen);
  return (
    <div className="ringback-choice">
      <label htmlFor={id}>{name}</label>
      <select id={id} data-testid={part} value={isKnown ? chosen : ""} disabled={devices.length === 0} onChange={({ target }) => onChoose(target.value)}>
        {!isKnown && <option value="" disabled hidden></option>}
        {devices.map(({ deviceId, label }, index) => (
          <option key={deviceId} value={deviceId}>
            {label === "" ? words.unnamed(index + 1) : label}
          </option>
        ))}
      </select>
    </div>
  );
}

function deviceOf(track: MediaStreamTrack | undefined): string | undefined {
  return track?.getSettings().deviceId;
}
