import { act, cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { StrictMode, type ReactNode } from "react";
import { afterEach, vi } from "vitest";
import { Stage } from "../../../client/test/support/stage.ts";
import { RingbackProvider } from "../../src/index.ts";

export { AUDIO, BOB, Stage, VIDEO } from "../../../client/test/support/stage.ts";
export { screen };

/** As in a browser: jsdom's own is no `Error` of the tests' world. */
class Exception extends Error {
  constructor(message: string, name: string) {
    super(message);
    this.name = name;
  }
}

vi.stubGlobal("DOMException", Exception);
afterEach(cleanup);

/** Whatever happens meanwhile, React has shown it afterwards. */
export async function happens<T>(what: () => Promise<T> | T): Promise<T> {
  let result: { value: T } | undefined;
  await act(async () => {
    result = { value: await what() };
  });
  if (result === undefined) throw new Error("it did not happen");
  return result.value;
}

/** Alice's page: what is shown there, strictly, and her hands. */
export class Room {
  readonly stage: Stage;
  readonly user = userEvent.setup();

  private constructor(stage: Stage) {
    this.stage = stage;
  }

  static async open(): Promise<Room> {
    return new Room(await Stage.online());
  }

  shows(page: ReactNode) {
    return render(this.#wrap(page));
  }

  readonly wrapper = ({ children }: { children: ReactNode }) => this.#wrap(children);

  #wrap(page: ReactNode) {
    return (
      <StrictMode>
        <RingbackProvider client={this.stage.client}>{page}</RingbackProvider>
      </StrictMode>
    );
  }
}

export function button(name: string): HTMLElement {
  return screen.getByRole("button", { name });
}

export function buttons(): string[] {
  return screen.getAllByRole("button").map((element) => element.getAttribute("aria-label") ?? element.textContent ?? "");
}

export function status(): string | null {
  return screen.getByRole("status").textContent;
}

export function pressed(name: string): string | null {
  return button(name).getAttribute("aria-pressed");
}
