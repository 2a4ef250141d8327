import type { ButtonHTMLAttributes } from "react";
import { Icon, type IconName } from "./icons.tsx";

export interface ControlProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName;
  /** What is written below. */
  text: string;
  /** The name, where it says more than the text does. */
  name?: string;
  /** Of a switch. What it is called stays the same. */
  pressed?: boolean;
  look?: "plain" | "off" | "on" | "go" | "stop";
  part: string;
}

/** A round button with its name below. */
export function Control({ icon, text, name, pressed, look = "plain", part, ...button }: ControlProps) {
  return (
    <button
      {...button}
      type="button"
      className="ringback-control"
      data-look={look}
      data-testid={part}
      {...(name === undefined ? {} : { "aria-label": name })}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
    >
      <span className="ringback-control-face">
        <Icon name={icon} />
      </span>
      <span className="ringback-control-text">{text}</span>
    </button>
  );
}
