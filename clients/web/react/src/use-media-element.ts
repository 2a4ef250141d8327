import { useEffect, useRef, type RefObject } from "react";

/** Plays a stream in the `<audio>` or `<video>` that gets the ref; at a speaker of its own where the browser can. */
export function useMediaElement<T extends HTMLMediaElement>(stream: MediaStream | undefined, speaker?: string): RefObject<T | null> {
  const ref = useRef<T>(null);
  useEffect(() => {
    const element = ref.current;
    // Set again, it would begin anew, with a flicker.
    if (element !== null && element.srcObject !== (stream ?? null)) element.srcObject = stream ?? null;
  }, [stream]);
  useEffect(() => {
    if (speaker !== undefined) ref.current?.setSinkId?.(speaker).catch(() => undefined);
  }, [speaker]);
  return ref;
}
