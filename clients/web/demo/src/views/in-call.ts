import type { Call } from "@ringback/client";
import { byId, part, setAvatar, setIcon, setText } from "../dom";
import * as words from "../words";

/** A call that is answered: pictures, and what can be done. */
export class InCallView {
  readonly #view = byId("incall");
  readonly #remote = part<HTMLVideoElement>(this.#view, "remote");
  readonly #own = part<HTMLVideoElement>(this.#view, "own");
  readonly #mute = part<HTMLButtonElement>(this.#view, "mute");
  readonly #camera = part<HTMLButtonElement>(this.#view, "camera");
  #call: Call | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #complaint: string | undefined;

  constructor() {
    this.#mute.onclick = () => this.#toggleMute();
    this.#camera.onclick = () => void this.#toggleCamera();
    part(this.#view, "hangup").onclick = () => void this.#call?.end();
  }

  show(call: Call | undefined): void {
    const appears = call !== undefined && call !== this.#call;
    if (call !== this.#call) this.#complaint = undefined;
    this.#call = call;
    this.#view.hidden = call === undefined;
    this.#tick(call !== undefined);
    setStream(this.#remote, call?.remoteStream);
    setStream(this.#own, call?.localStream);
    if (call === undefined) return;
    const { user } = call.peer;
    const seesPeer = (call.remoteStream?.getVideoTracks() ?? []).some((track) => !track.muted && track.readyState === "live");
    setAvatar(part(this.#view, "avatar"), user);
    setText(part(this.#view, "name"), user);
    this.#view.classList.toggle("with-video", seesPeer);
    part(this.#view, "person").hidden = seesPeer;
    this.#own.hidden = !call.cameraOn;
    setSwitch(this.#mute, "mic", !call.muted, call.muted ? "Unmute" : "Mute");
    setSwitch(this.#camera, "video", call.cameraOn, call.cameraOn ? "Camera off" : "Camera on");
    this.#showBanner(call);
    this.#showLine();
    if (appears) part(this.#view, "name").focus();
  }

  #showBanner(call: Call): void {
    const text =
      call.link === "reconnecting"
        ? "Connection lost. Reconnecting…"
        : call.link === "peer_reconnecting"
          ? `${call.peer.user} is reconnecting…`
          : this.#complaint;
    setText(part(this.#view, "banner"), text ?? "");
  }

  #showLine(): void {
    const at = this.#call?.connectedAt;
    setText(part(this.#view, "line"), at === undefined ? "Connecting…" : words.clock(Date.now() - at));
  }

  #tick(on: boolean): void {
    if (on) this.#timer ??= setInterval(() => this.#showLine(), 500);
    else if (this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #toggleMute(): void {
    if (this.#call?.muted) this.#call.unmute();
    else this.#call?.mute();
  }

  async #toggleCamera(): Promise<void> {
    const call = this.#call;
    if (call === undefined) return;
    this.#camera.disabled = true;
    try {
      await call.camera(!call.cameraOn);
      this.#complaint = undefined;
    } catch {
      this.#complaint = "The camera can't be used.";
    }
    this.#camera.disabled = false;
    if (call === this.#call) this.show(call);
  }
}

function setStream(video: HTMLVideoElement, stream: MediaStream | undefined): void {
  // Set again, it would begin anew, with a flicker.
  if (video.srcObject !== (stream ?? null)) video.srcObject = stream ?? null;
}

/** The picture shows how it is, the label what pressing does. */
function setSwitch(button: HTMLButtonElement, icon: string, on: boolean, label: string): void {
  button.classList.toggle("off", !on);
  setIcon(button, on ? icon : `${icon}-off`);
  const text = button.querySelector("span");
  if (text !== null) setText(text, label);
}
