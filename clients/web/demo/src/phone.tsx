import type { Call, Media } from "@ringback/client";
import { useActiveCall, useCall, useConnection, useIncomingCalls } from "@ringback/react";
import { useEffect, useLayoutEffect, useRef } from "react";
import { Dial } from "./dial";
import { Header } from "./header";
import { Incoming } from "./incoming";
import { Recent } from "./recent";
import type { Session } from "./session";
import { Stage } from "./stage";
import { useValue } from "./value";
import * as words from "./words";

/** A user who is online, with one call at a time in front of them. */
export function Phone({ session }: { session: Session }) {
  const { client, user } = session;
  const [ringing] = useIncomingCalls();
  const { call: active, dismiss } = useActiveCall();
  const now = useCall(active);
  const isShown = active !== undefined && !isOverByMe(active, user);
  const home = useHome(isShown);

  useLayoutEffect(() => {
    if (!isShown) dismiss();
  }, [isShown, dismiss]);
  useTones(session, ringing !== undefined, now?.role === "caller" && now.state === "ringing" && now.alerting);
  useTitle(ringing?.peer.user, isShown ? active.peer.user : undefined, user);

  const call = (callee: string, video: boolean) => {
    if (callee !== "") client.call(callee, { audio: true, video });
  };
  const answer = (answered: Call, media: Media) => {
    for (const other of client.calls) if (other !== answered && other.state !== "ringing") void other.end();
    // Why not is told by its end.
    answered.accept(media).catch(() => undefined);
  };
  return (
    <>
      <div ref={home} className="home" hidden={isShown}>
        <Header>
          <Status session={session} />
        </Header>
        <main className="phone">
          <Recent user={user} log={session.log} earlier={() => session.log.earlier(client)} onCall={call} />
          <Dial user={user} note={useValue(session.note)} onCall={call} />
        </main>
      </div>
      {isShown && <Stage call={active} onCallAgain={({ peer, media }) => call(peer.user, media.video)} onClose={dismiss} />}
      {ringing !== undefined && <Incoming key={ringing.id} call={ringing} onAnswer={answer} />}
    </>
  );
}

function Status({ session }: { session: Session }) {
  const { state } = useConnection();
  return (
    <p className="status" role="status" data-testid="status" data-state={state}>
      {words.connection(state, useValue(session.node))}
    </p>
  );
}

/** Who has hung up need not be told. */
function isOverByMe({ outcome }: Call, user: string): boolean {
  return outcome?.by?.user === user && (outcome.reason === "hangup" || outcome.reason === "cancelled");
}

/** After a call the focus is where it was useful last. */
function useHome(isAway: boolean) {
  const home = useRef<HTMLDivElement>(null);
  const wasAway = useRef(isAway);
  useEffect(() => {
    if (wasAway.current && !isAway) home.current?.querySelector<HTMLElement>("[data-testid=call-video]")?.focus({ preventScroll: true });
    wasAway.current = isAway;
  }, [isAway]);
  return home;
}

function useTones({ tones }: Session, rings: boolean, ringsThere: boolean): void {
  useEffect(() => {
    tones.play(rings ? "ring" : ringsThere ? "ringback" : undefined);
    return () => tones.play(undefined);
  }, [tones, rings, ringsThere]);
}

function useTitle(caller: string | undefined, peer: string | undefined, user: string): void {
  useEffect(() => {
    document.title = caller !== undefined ? `${caller} calls you` : `${peer ?? user} · Ringback`;
  }, [caller, peer, user]);
}
