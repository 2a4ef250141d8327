import { RingbackProvider } from "@ringback/react";
import { useState } from "react";
import { Phone } from "./phone";
import { signIn, type Session } from "./session";
import { SignIn } from "./sign-in";

export function App({ initial }: { initial: Session | undefined }) {
  const [session, setSession] = useState(initial);
  if (session === undefined) {
    const enter = (user: string) => {
      // So that a reload is the same person.
      history.replaceState(null, "", `?user=${encodeURIComponent(user)}`);
      setSession(signIn(user));
    };
    return <SignIn onName={enter} />;
  }
  return (
    <RingbackProvider client={session.client}>
      <Phone session={session} />
    </RingbackProvider>
  );
}
