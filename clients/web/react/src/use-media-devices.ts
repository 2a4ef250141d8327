import { useMemo, useSyncExternalStore } from "react";

export interface MediaDevices {
  microphones: readonly MediaDeviceInfo[];
  cameras: readonly MediaDeviceInfo[];
  /** Empty where the browser has no choice of them (`setSinkId`). */
  speakers: readonly MediaDeviceInfo[];
  /** Asks again: devices have no names before the person has allowed one of their kind. */
  refresh: () => void;
}

const NONE: readonly MediaDeviceInfo[] = [];
const listeners = new Set<() => void>();
let devices = NONE;

function refresh(): void {
  void enumerate().then((found) => {
    devices = found;
    for (const listener of [...listeners]) listener();
  });
}

async function enumerate(): Promise<readonly MediaDeviceInfo[]> {
  try {
    // Missing on pages that are not secure.
    return (await navigator.mediaDevices?.enumerateDevices()) ?? NONE;
  } catch {
    return NONE;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) navigator.mediaDevices?.addEventListener("devicechange", refresh);
  refresh();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) navigator.mediaDevices?.removeEventListener("devicechange", refresh);
  };
}

/** The microphones, cameras and speakers that there are. */
export function useMediaDevices(): MediaDevices {
  const all = useSyncExternalStore(subscribe, () => devices, () => NONE);
  return useMemo(() => {
    const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
    const canChooseSpeaker = typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;
    return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: canChooseSpeaker ? of("audiooutput") : NONE, refresh };
  }, [all]);
}
