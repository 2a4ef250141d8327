import { useRef, type FormEvent } from "react";
import { Icon } from "./icon";

interface DialProps {
  user: string;
  /** What has to be said to the person, or nothing. */
  note: string;
  onCall: (callee: string, video: boolean) => void;
}

/** Whom to call. */
export function Dial({ user, note, onCall }: DialProps) {
  const form = useRef<HTMLFormElement>(null);
  const callee = useRef<HTMLInputElement>(null);
  const call = (video: boolean) => onCall(callee.current?.value.trim() ?? "", video);
  const submitted = (event: FormEvent) => {
    event.preventDefault();
    call(true);
  };
  return (
    <section className="dial" aria-labelledby="dial-title">
      <h1 id="dial-title">Hello, {user}</h1>
      <p className="note" role="status">
        {note}
      </p>
      <form ref={form} onSubmit={submitted}>
        <label htmlFor="callee">Who do you want to call?</label>
        <input
          ref={callee}
          id="callee"
          data-testid="callee-input"
          required
          maxLength={128}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          placeholder={otherThan(user)}
          enterKeyHint="go"
        />
        <div className="pair">
          <button className="button primary" data-testid="call-video">
            <Icon name="video" />
            <span>Video</span>
          </button>
          <button className="button" type="button" data-testid="call-audio" onClick={() => form.current?.reportValidity() && call(false)}>
            <Icon name="voice" />
            <span>Voice</span>
          </button>
        </div>
      </form>
    </section>
  );
}

export function otherThan(user: string): string {
  return user === "bob" ? "alice" : "bob";
}
