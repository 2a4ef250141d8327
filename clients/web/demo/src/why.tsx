import { useState, type SyntheticEvent } from "react";

interface WhyProps {
  call: string;
  user: string;
}

/** What the gateway has to say about a call that is over, asked for when somebody wants to know. */
export function Why({ call, user }: WhyProps) {
  const [said, setSaid] = useState<readonly string[]>();
  const opened = ({ currentTarget }: SyntheticEvent<HTMLDetailsElement>) => {
    if (currentTarget.open && said === undefined) void verdict(call, user).then(setSaid);
  };
  return (
    <details className="why" onToggle={opened}>
      <summary data-testid="why">Why?</summary>
      <ul aria-live="polite" data-testid="verdict">
        {said?.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </details>
  );
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith("?") ? "" : "."}`;
}

/** In the gateway's development mode the name is the token. */
async function verdict(call: string, user: string): Promise<readonly string[]> {
  try {
    const answer = await fetch(`v1/calls/${call}`, { headers: { authorization: `Bearer ${user}` } });
    if (answer.status === 404) return ["The gateway does not keep it any more."];
    if (!answer.ok) return [`The gateway does not say (${answer.status}).`];
    const { verdict } = (await answer.json()) as { verdict: string[] };
    return verdict.map(sentence);
  } catch {
    return ["The gateway can't be reached."];
  }
}
