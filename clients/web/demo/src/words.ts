import type { ConnectionState, Outcome, Role } from "@ringback/client";

/** `m:ss`, or `h:mm:ss`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => `${value}`.padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function setUpIn(ms: number): string {
  return `set up in ${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function connection(state: ConnectionState, node: string | undefined): string {
  switch (state) {
    case "online":
      return node === undefined ? "Online" : `Online · ${node}`;
    case "waiting":
      return "No connection, trying again";
    case "standby":
      return "Online in another tab";
    case "closed":
      return "Signed out";
    default:
      return "Connecting…";
  }
}

/** Why the gateway wants no more of this page. */
export function closed(code: number): string {
  if (code === 4501) return "You were signed out. Load the page again to come back.";
  if (code === 4503) return "This device is online in another tab. Load the page again to use it here.";
  if (code === 4505) return "An operator ended this connection.";
  return `The connection was closed (${code}). Load the page again to come back.`;
}

/** How a call ended, for the person whose role it was. `mine` says that it was this side that ended it. */
export function outcome(reason: Outcome["reason"], role: Role, mine: boolean, code?: string): string {
  const isCaller = role === "caller";
  switch (reason) {
    case "hangup":
      return isCaller ? "Outgoing" : "Incoming";
    case "cancelled":
      return isCaller ? "Cancelled" : "Missed";
    case "no_answer":
      return isCaller ? "No answer" : "Missed";
    case "rejected":
      return isCaller ? "Declined" : "You declined";
    case "busy":
      return isCaller ? "Busy" : "You were busy";
    case "answered_elsewhere":
      return "Answered on another device";
    case "offline":
      return "Was not there";
    case "denied":
      return "Not allowed";
    case "setup_timeout":
      return "Could not connect in time";
    case "ice_failed":
      return "No route for the media";
    case "media_denied":
      return mine ? noMedia(code) : "Other side has no microphone or camera";
    case "connection_lost":
      return "Connection lost";
    case "ended_by_server":
      return "Ended by the service";
    case "other_tab":
      return "Goes on in another tab";
    case "failed":
      return refusal(code);
  }
}

/** The same, said once when it happens. */
export function farewell(user: string, reason: Outcome["reason"], role: Role, text: string): string {
  if (reason === "hangup" || reason === "cancelled") return `Call with ${user} ended.`;
  if (role === "caller") {
    if (reason === "rejected") return `${user} declined.`;
    if (reason === "busy") return `${user} is busy.`;
    if (reason === "no_answer") return `${user} does not answer.`;
    if (reason === "offline") return `${user} is not there.`;
  }
  return `Call with ${user}: ${text.charAt(0).toLowerCase()}${text.slice(1)}.`;
}

function noMedia(code: string | undefined): string {
  switch (code) {
    case "device_not_found":
      return "No microphone or camera found";
    case "device_in_use":
      return "Microphone or camera is in use elsewhere";
    case "not_supported":
      return "Microphone and camera need a secure page";
    default:
      return "Microphone or camera not allowed";
  }
}

function refusal(code: string | undefined): string {
  switch (code) {
    case "bad_request":
      return "Can't be called";
    case "invalid_state":
      return "There is a call with them already";
    case "rate_limited":
      return "Too many calls at once";
    case "other_tab":
      return "You are in a call in another tab";
    case "timeout":
      return "The service does not answer";
    default:
      return "Could not be placed";
  }
}
