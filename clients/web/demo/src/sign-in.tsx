import type { FormEvent } from "react";
import { Header } from "./header";

export function SignIn({ onName }: { onName: (name: string) => void }) {
  const submitted = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("user") ?? "").trim();
    if (name !== "") onName(name);
  };
  return (
    <div className="home">
      <Header />
      <main>
        <form className="sign-in" onSubmit={submitted}>
          <h1>Who are you?</h1>
          <p className="soft">Any name will do. Others call you by it.</p>
          <label htmlFor="name">Your name</label>
          <input
            id="name"
            name="user"
            data-testid="name-input"
            required
            maxLength={64}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            placeholder="alice"
            enterKeyHint="go"
            autoFocus
          />
          <button className="button primary" data-testid="sign-in">
            Go online
          </button>
        </form>
      </main>
    </div>
  );
}
