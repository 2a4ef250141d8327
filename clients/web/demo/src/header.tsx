import type { ReactNode } from "react";

/** The page's head, with room for what there is to say of the connection. */
export function Header({ children }: { children?: ReactNode }) {
  return (
    <header className="bar">
      <a className="brand" href="./" aria-label="Ringback: sign in as somebody else">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <circle cx="12" cy="12" r="2.4" fill="var(--glow)" stroke="none" />
          <path d="M7.2 7.2a6.8 6.8 0 0 0 0 9.6M16.8 7.2a6.8 6.8 0 0 1 0 9.6M3.9 3.9a11.5 11.5 0 0 0 0 16.2M20.1 3.9a11.5 11.5 0 0 1 0 16.2" />
        </svg>
        <span>Ringback</span>
      </a>
      {children}
    </header>
  );
}
