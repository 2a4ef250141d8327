import type { Call, Media } from "@ringback/client";
import { byId, part, setAvatar, setIcon, setText } from "../dom";

/** Somebody calls. It is on top of everything else, and waits for an answer. */
export class IncomingView {
  readonly #view = byId<HTMLDialogElement>("incoming");
  #call: Call | undefined;

  constructor(answer: (call: Call, media: Media) => void, decline: (call: Call) => void) {
    const asCalled = () => this.#call && answer(this.#call, this.#call.media);
    part(this.#view, "answer").onclick = asCalled;
    part(this.#view, "voice").onclick = () => this.#call && answer(this.#call, { audio: true, video: false });
    part(this.#view, "decline").onclick = () => this.#call && decline(this.#call);
    // Escape and "back" close a dialog, at the second time whatever the page says; the phone rings on, so it comes back.
    this.#view.addEventListener("cancel", (event) => event.preventDefault());
    this.#view.addEventListener("close", () => this.show(this.#call));
  }

  show(call: Call | undefined): void {
    this.#call = call;
    if (call === undefined) {
      if (this.#view.open) this.#view.close();
      return;
    }
    const { peer, media } = call;
    setAvatar(part(this.#view, "avatar"), peer.user);
    setText(part(this.#view, "name"), peer.user);
    setText(part(this.#view, "line"), media.video ? "wants a video call with you" : "calls you");
    setIcon(part(this.#view, "answer"), media.video ? "video" : "audio");
    part(this.#view, "voice").hidden = !media.video;
    if (!this.#view.open) {
      this.#view.showModal();
      // On the panel, not on a button: who is just typing must not answer by accident.
      this.#view.focus();
    }
  }
}
