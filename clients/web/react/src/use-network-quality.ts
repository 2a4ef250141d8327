import { networkQuality, type Call, type CallStats, type NetworkQuality } from "@ringback/client";
import { useEffect, useState } from "react";

/** How good the network was between the last two looks at a call's statistics; absent before the second, and without a call. */
export function useNetworkQuality(call: Call | undefined, everyMs = 3000): NetworkQuality | undefined {
  const [seen, setSeen] = useState<{ call: Call; quality: NetworkQuality }>();
  useEffect(() => {
    if (call === undefined) return;
    let isOver = false;
    let before: CallStats | undefined;
    const look = async () => {
      const now = await call.stats().catch(() => undefined);
      if (isOver || now === undefined) return;
      // Without a path there is nothing to be said of it.
      if (before !== undefined && now.path !== undefined) setSeen({ call, quality: networkQuality(before, now) });
      before = now;
    };
    void look();
    const timer = setInterval(() => void look(), everyMs);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [call, everyMs]);
  return seen?.call === call ? seen?.quality : undefined;
}
