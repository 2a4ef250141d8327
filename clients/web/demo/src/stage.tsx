import type { Call } from "@ringback/client";
import { CallView, phaseOf, useCall } from "@ringback/react";
import { useEffect, useState } from "react";

interface StageProps {
  call: Call;
  onCallAgain: (call: Call) => void;
  onClose: () => void;
}

const FAREWELL_MS = 4000;
const NAMES = { incoming: undefined, outgoing: "calling", connecting: "incall", connected: "incall", ended: "over" };

/** The call that the person is in fills the page; for a moment also when it is over, so that they see why. */
export function Stage({ call, onCallAgain, onClose }: StageProps) {
  const phase = phaseOf(useCall(call));
  const [kept, keep] = useState<Call>();
  const isLeaving = phase === "ended" && kept !== call;
  useEffect(() => {
    if (!isLeaving) return;
    const timer = setTimeout(onClose, FAREWELL_MS);
    return () => clearTimeout(timer);
  }, [isLeaving, onClose]);
  // Not taken away from who is just doing something with it.
  const touched = () => keep(phase === "ended" ? call : undefined);
  return (
    <main className="stage" data-testid={NAMES[phase]} onKeyDown={touched} onPointerDown={touched}>
      <CallView call={call} autoFocus onCallAgain={onCallAgain} onClose={onClose} />
    </main>
  );
}
