import { PATH } from "@ringback/client";
import { byId } from "./dom";
import { Phone } from "./phone";

declare global {
  interface Window {
    /** For tests: the peer connection of the call that is in front. */
    __ringback: { readonly pc: RTCPeerConnection | null };
  }
}

let phone: Phone | undefined;
window.__ringback = {
  get pc() {
    return phone?.peerConnection ?? null;
  },
};

function socketUrl(): string {
  const url = new URL(PATH, location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function signIn(user: string): void {
  byId("sign-in").hidden = true;
  byId("phone").hidden = byId("status").hidden = false;
  byId("me").textContent = user;
  const other = user === "bob" ? "alice" : "bob";
  byId<HTMLAnchorElement>("second").href = `./?user=${other}`;
  byId<HTMLInputElement>("callee").placeholder = other;
  phone = new Phone(user, socketUrl());
}

function askForName(): void {
  const form = byId<HTMLFormElement>("sign-in");
  const name = byId<HTMLInputElement>("name");
  form.hidden = false;
  name.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    const user = name.value.trim();
    if (user === "") return;
    // So that a reload is the same person.
    history.replaceState(null, "", `?user=${encodeURIComponent(user)}`);
    signIn(user);
  };
}

const user = new URLSearchParams(location.search).get("user")?.trim();
if (user) signIn(user);
else askForName();
