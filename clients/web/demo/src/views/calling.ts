import type { Call } from "@ringback/client";
import { byId, part, setAvatar, setText } from "../dom";

/** A call of ours that is not answered yet. */
export class CallingView {
  readonly #view = byId("calling");

  constructor(cancel: () => void) {
    part(this.#view, "cancel").onclick = cancel;
  }

  show(call: Call | undefined, isOnline: boolean): void {
    const appears = call !== undefined && this.#view.hidden;
    this.#view.hidden = call === undefined;
    if (call === undefined) return;
    const name = part(this.#view, "name");
    setAvatar(part(this.#view, "avatar"), call.peer.user);
    setText(name, call.peer.user);
    setText(part(this.#view, "line"), call.alerting ? "Ringing…" : isOnline ? "Calling…" : "Waiting for the connection…");
    if (appears) name.focus();
  }
}
