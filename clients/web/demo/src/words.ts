import type { ConnectionState, Outcome, Role } from "@ringback/client";
import { english } from "@ringback/react";

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

export const MISSED = "Missed call";

/** How a call ended, in the log: of one that was as it should be, which way it went. */
export function outcome(user: string, role: Role, outcome: Outcome): string {
  if (outcome.reason === "hangup") return role === "caller" ? "Outgoing" : "Incoming";
  return english.ended(user, role, outcome);
}

/** Today the time, else the day too. */
export function when(time: Date): string {
  const clock = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (time.toDateString() === new Date().toDateString()) return clock;
  return `${time.toLocaleDateString([], { day: "numeric", month: "short" })}, ${clock}`;
}
