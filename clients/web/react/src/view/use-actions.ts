import { hasCode, RingbackError, type Call } from "@ringback/client";
import { useEffect, useRef, useState } from "react";
import type { CallWords } from "../words.ts";

type Source = "microphone" | "camera" | "screen";

export interface Actions {
  /** What went wrong last, in words; empty when nothing did, or something has worked since. */
  trouble: string;
  /** What is being waited for, so that it is not asked twice. */
  busy: Source | undefined;
  toggleMute: () => void;
  toggleCamera: () => void;
  toggleScreen: () => void;
  useMicrophone: (deviceId: string) => void;
  useCamera: (deviceId: string) => void;
}

/** What a person does in a call, and what becomes of it. */
export function useActions(call: Call, words: CallWords): Actions {
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState<Source>();
  const camera = useRef<string>(undefined);
  useEffect(() => call.on("trouble", () => setTrouble(words.deviceLost)), [call, words]);
  const attempt = async (source: Source, action: Promise<void>) => {
    setBusy(source);
    setTrouble("");
    try {
      await action;
    } catch (error) {
      if (!isChangeOfMind(source, error)) setTrouble(words.trouble(source, error instanceof RingbackError ? error.code : undefined));
    }
    setBusy(undefined);
  };
  return {
    trouble,
    busy,
    toggleMute: () => (call.muted ? call.unmute() : call.mute()),
    toggleCamera: () => void attempt("camera", call.cameraOn ? call.camera(false) : startCamera(call, camera.current)),
    toggleScreen: () => void attempt("screen", call.shareScreen(!call.screenOn)),
    useMicrophone: (deviceId) => void attempt("microphone", call.useMicrophone(deviceId)),
    useCamera: (deviceId) => {
      camera.current = deviceId;
      void attempt("camera", call.useCamera(deviceId));
    },
  };
}

/** The one that was chosen before; or any, if that is gone. */
async function startCamera(call: Call, chosen: string | undefined): Promise<void> {
  if (chosen === undefined) return call.camera(true);
  try {
    await call.useCamera(chosen);
  } catch (error) {
    if (!hasCode(error, "device_not_found")) throw error;
    await call.camera(true);
  }
}

/** Who closes the browser's list of screens has chosen none, and knows it. A call that is over says so itself. */
function isChangeOfMind(source: Source, error: unknown): boolean {
  return hasCode(error, "closed") || (source === "screen" && hasCode(error, "permission_denied"));
}
