import type { CSSProperties } from "react";

/** The round sign of a person: an initial, on a colour of their own. */
export function Avatar({ user, pulsing = false }: { user: string; pulsing?: boolean }) {
  const [initial = "?"] = [...user];
  const style = { "--ringback-hue": hueOf(user) } as CSSProperties;
  return (
    <span className="ringback-avatar" data-pulsing={pulsing || undefined} style={style} aria-hidden="true">
      {initial.toUpperCase()}
    </span>
  );
}

function hueOf(user: string): number {
  return [...user].reduce((hue, letter) => (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360, 0);
}
