import type { Call, Outcome, Role } from "@ringback/client";
import { byId, part, setAvatar, setIcon } from "./dom";
import * as words from "./words";

interface Entry {
  user: string;
  role: Role;
  video: boolean;
  at: number;
  reason: Outcome["reason"];
  text: string;
  setupMs?: number;
  durationMs?: number;
}

const LIMIT = 30;

/** The calls that are over, the newest first; kept for as long as the tab. */
export class Log {
  readonly #key: string;
  readonly #list = byId("log");
  readonly #callAgain: (user: string, video: boolean) => void;
  #entries: Entry[];

  constructor(user: string, callAgain: (user: string, video: boolean) => void) {
    this.#key = `ringback-log-${user}`;
    this.#callAgain = callAgain;
    this.#entries = read(this.#key);
    this.#render();
  }

  /** Returns how it is said. */
  add(call: Call, outcome: Outcome, mine: boolean): string {
    const { reason, setupMs, durationMs, error } = outcome;
    const text = words.outcome(reason, call.role, mine, error?.code);
    this.#entries.unshift({
      user: call.peer.user,
      role: call.role,
      video: call.media.video,
      at: Date.now(),
      reason,
      text: durationMs === undefined ? text : `${text} · ${words.clock(durationMs)}`,
      ...(setupMs === undefined ? {} : { setupMs }),
      ...(durationMs === undefined ? {} : { durationMs }),
    });
    this.#entries.splice(LIMIT);
    sessionStorage.setItem(this.#key, JSON.stringify(this.#entries));
    this.#render();
    return text;
  }

  #render(): void {
    byId("nobody-yet").hidden = this.#entries.length > 0;
    this.#list.replaceChildren(...this.#entries.map((entry) => this.#row(entry)));
  }

  #row(entry: Entry): Node {
    const row = byId<HTMLTemplateElement>("entry").content.cloneNode(true) as DocumentFragment;
    const outcome = part(row, "outcome");
    const time = part<HTMLTimeElement>(row, "time");
    const again = part(row, "again");
    const at = new Date(entry.at);
    setAvatar(part(row, "avatar"), entry.user);
    part(row, "name").textContent = entry.user;
    outcome.textContent = entry.text;
    outcome.dataset.reason = entry.reason;
    setIcon(row, entry.role === "caller" ? "out" : "in");
    time.dateTime = at.toISOString();
    time.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    part(row, "setup").textContent = entry.setupMs === undefined ? "" : words.setUpIn(entry.setupMs);
    setIcon(again, entry.video ? "video" : "audio");
    again.setAttribute("aria-label", `Call ${entry.user} again, ${entry.video ? "with video" : "voice only"}`);
    again.onclick = () => this.#callAgain(entry.user, entry.video);
    return row;
  }
}

function read(key: string): Entry[] {
  try {
    const entries: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(entries) ? (entries as Entry[]) : [];
  } catch {
    return [];
  }
}
