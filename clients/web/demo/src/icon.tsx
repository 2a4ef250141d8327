const SHAPES = {
  video: "M5.5 6.5H12a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H5.5a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3zM15 11.2l5.1-3.1a.9.9 0 0 1 1.4.8v6.2a.9.9 0 0 1-1.4.8L15 12.8",
  voice:
    "M5.2 3.6h2.6c.6 0 1.1.4 1.3 1l.9 2.9c.1.5 0 1-.4 1.4L8.1 10.3a12.6 12.6 0 0 0 5.6 5.6l1.4-1.5c.4-.4.9-.5 1.4-.4l2.9.9c.6.2 1 .7 1 1.3v2.6c0 1-.8 1.7-1.8 1.6C10.5 19.7 4.3 13.5 3.6 5.4c-.1-1 .6-1.8 1.6-1.8z",
  out: "M7 17L17 7M9 7h8v8",
  in: "M17 7L7 17M15 17H7V9",
};

export function Icon({ name }: { name: keyof typeof SHAPES }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
