import { useLayoutEffect, useRef, type FocusEvent, type RefObject } from "react";

/** Keeps the focus in a view whose buttons come and go: when the one that has it is gone, the view itself takes it. */
export function useKeptFocus<T extends HTMLElement>(ref: RefObject<T | null>, phase: string, autoFocus: boolean) {
  const isInside = useRef(false);
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    const view = ref.current;
    const asked = isFirst.current ? autoFocus : isInside.current;
    isFirst.current = false;
    if (asked && view !== null && !view.contains(document.activeElement)) view.focus({ preventScroll: true });
  }, [ref, phase, autoFocus]);
  return {
    onFocus: () => {
      isInside.current = true;
    },
    // Not told of a button that React takes away: so it is remembered that the focus was here.
    onBlur: ({ currentTarget, relatedTarget }: FocusEvent) => {
      isInside.current = currentTarget.contains(relatedTarget);
    },
  };
}
