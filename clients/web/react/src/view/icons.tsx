import type { ReactNode } from "react";

const SHAPES = {
  answer: (
    <path d="M5.2 3.6h2.6c.6 0 1.1.4 1.3 1l.9 2.9c.1.5 0 1-.4 1.4L8.1 10.3a12.6 12.6 0 0 0 5.6 5.6l1.4-1.5c.4-.4.9-.5 1.4-.4l2.9.9c.6.2 1 .7 1 1.3v2.6c0 1-.8 1.7-1.8 1.6C10.5 19.7 4.3 13.5 3.6 5.4c-.1-1 .6-1.8 1.6-1.8z" />
  ),
  camera: (
    <>
      <rect x="2.5" y="6.5" width="12.5" height="11" rx="3" />
      <path d="M15 11.2l5.1-3.1a.9.9 0 0 1 1.4.8v6.2a.9.9 0 0 1-1.4.8L15 12.8" />
    </>
  ),
  "camera-off": (
    <path d="M10.5 6.5H12a3 3 0 0 1 3 3v1.7l5.1-3.1a.9.9 0 0 1 1.4.8v6.2a.9.9 0 0 1-1.4.8l-1.6-1M14.6 16.2A3 3 0 0 1 12 17.5H5.5a3 3 0 0 1-3-3v-5a3 3 0 0 1 2.9-3M3.5 3.5l17 17" />
  ),
  close: <path d="M6 6l12 12M18 6L6 18" />,
  devices: (
    <path d="M4 7h8M18 7h2M4 17h2M12 17h8M15 4.6a2.4 2.4 0 1 1 0 4.8a2.4 2.4 0 1 1 0-4.8zM9 14.6a2.4 2.4 0 1 1 0 4.8a2.4 2.4 0 1 1 0-4.8z" />
  ),
  "hang-up": (
    <path
      fill="currentColor"
      d="M2.6 14.9c-.5-.8-.5-1.8 0-2.5 2.2-2.7 5.6-4.2 9.4-4.2s7.2 1.5 9.4 4.2c.5.7.5 1.7 0 2.5l-.8 1.2c-.3.5-.9.7-1.5.5l-2.9-1c-.5-.2-.9-.6-1-1.1l-.3-2.1a11.4 11.4 0 0 0-5.8 0l-.3 2.1c-.1.5-.5.9-1 1.1l-2.9 1c-.6.2-1.2 0-1.5-.5z"
    />
  ),
  microphone: (
    <>
      <rect x="8.8" y="2.8" width="6.4" height="11.4" rx="3.2" />
      <path d="M5.2 11.4a6.8 6.8 0 0 0 13.6 0M12 18.2v3" />
    </>
  ),
  "microphone-off": (
    <path d="M15.2 9.5V6A3.2 3.2 0 0 0 9.3 4.3M8.8 9v2a3.2 3.2 0 0 0 5 2.6M5.2 11.4a6.8 6.8 0 0 0 11 5.3M18.7 12.4q.1-.5.1-1M12 18.2v3M3.5 3.5l17 17" />
  ),
  screen: (
    <>
      <rect x="2.8" y="4" width="18.4" height="12.6" rx="2.4" />
      <path d="M8.5 20.4h7M12 13.4V7.6M9.4 10L12 7.4l2.6 2.6" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** A picture beside words: nothing that is read aloud. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="ringback-icon" viewBox="0 0 24 24" aria-hidden="true">
      {SHAPES[name]}
    </svg>
  );
}
