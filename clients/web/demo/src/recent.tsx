import { Avatar } from "@ringback/react";
import { useState } from "react";
import type { CallLog, Entry } from "./call-log";
import { otherThan } from "./dial";
import { Icon } from "./icon";
import { useValue } from "./value";
import { Why } from "./why";
import * as words from "./words";

interface RecentProps {
  user: string;
  log: CallLog;
  /** Asks for older ones; whether there may be more. */
  earlier: () => Promise<boolean>;
  onCall: (callee: string, video: boolean) => void;
}

/** The calls that are over, how they ended, and how long their set-up took. */
export function Recent({ user, log, earlier, onCall }: RecentProps) {
  const entries = useValue(log.entries);
  return (
    <section className="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Recent calls</h2>
      {entries.length === 0 && <Nobody user={user} />}
      <ol className="log">
        {entries.map((entry) => (
          <Row key={`${entry.at} ${entry.user}`} user={user} entry={entry} onCall={onCall} />
        ))}
      </ol>
      <Earlier earlier={earlier} />
    </section>
  );
}

/** The calls of other tabs, devices and days, which the gateway keeps. */
function Earlier({ earlier }: Pick<RecentProps, "earlier">) {
  const [state, setState] = useState<"idle" | "asking" | "all" | "failed">("idle");
  if (state === "all") return null;
  const ask = () => {
    setState("asking");
    earlier().then(
      (more) => setState(more ? "idle" : "all"),
      () => setState("failed"),
    );
  };
  return (
    <p className="earlier">
      <button data-testid="earlier" disabled={state === "asking"} onClick={ask}>
        Earlier calls
      </button>
      {state === "failed" && <span role="status">The gateway does not say. Try again.</span>}
    </p>
  );
}

function Nobody({ user }: { user: string }) {
  return (
    <div className="empty">
      <p>No calls yet.</p>
      <p className="soft">
        Alone here?{" "}
        <a href={`./?user=${otherThan(user)}`} target="_blank" rel="noopener">
          Open a second tab
        </a>{" "}
        as somebody else, and call between the two.
      </p>
    </div>
  );
}

interface RowProps {
  /** Who looks at it. */
  user: string;
  entry: Entry;
  onCall: RecentProps["onCall"];
}

function Row({ user: me, entry: { id, user, role, video, at, reason, text, setupMs, missed = false }, onCall }: RowProps) {
  const time = new Date(at);
  return (
    <li className={missed ? "entry missed" : "entry"}>
      <Avatar user={user} />
      <div className="what">
        <p className="who">{user}</p>
        <p className="how">
          <Icon name={role === "caller" ? "out" : "in"} />
          <span data-testid={missed ? "missed" : "outcome"} data-reason={reason}>
            {text}
          </span>
          {setupMs !== undefined && (
            <span className="setup" data-testid="setup">
              {words.setUpIn(setupMs)}
            </span>
          )}
        </p>
        {id !== undefined && <Why call={id} user={me} />}
      </div>
      <time className="when" dateTime={time.toISOString()}>
        {words.when(time)}
      </time>
      <button className="again" aria-label={`Call ${user} again, ${video ? "with video" : "voice only"}`} onClick={() => onCall(user, video)}>
        <Icon name={video ? "video" : "voice"} />
      </button>
    </li>
  );
}
