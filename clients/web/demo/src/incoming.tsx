import type { Call, Media } from "@ringback/client";
import { CallView, english } from "@ringback/react";
import { useLayoutEffect, useRef } from "react";

interface IncomingProps {
  call: Call;
  onAnswer: (call: Call, media: Media) => void;
}

/** Somebody calls. It is on top of everything else, and waits for an answer. */
export function Incoming({ call, onAnswer }: IncomingProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // On the whole, not on a button: who is just typing must not answer by accident.
    element?.querySelector("section")?.focus();
    // So the focus is back where it was.
    return () => element?.close();
  }, []);
  const show = () => {
    if (dialog.current?.open === false) dialog.current.showModal();
  };
  return (
    <dialog
      ref={dialog}
      className="incoming"
      data-testid="incoming"
      role="alertdialog"
      aria-label={`${call.peer.user} ${english.rings(call.media.video)}`}
      // Escape and "back" close a dialog, at the second time whatever the page says; the phone rings on, so it comes back.
      onCancel={(event) => event.preventDefault()}
      onClose={show}
    >
      <CallView call={call} onAnswer={onAnswer} />
    </dialog>
  );
}
