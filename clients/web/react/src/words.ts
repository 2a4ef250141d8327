import type { NetworkQuality, Outcome, RingbackErrorCode, Role } from "@ringback/client";

/** What `CallView` says. Pass some of them, or all in another language. */
export interface CallWords {
  answer: string;
  answerWithoutCamera: string;
  decline: string;
  cancel: string;
  hangUp: string;
  mute: string;
  camera: string;
  /** Below the button, where there is little room; a part of `shareScreen`. */
  screen: string;
  shareScreen: string;
  devices: string;
  microphone: string;
  speaker: string;
  /** A device that has no name. */
  unnamed: (number: number) => string;
  callAgain: string;
  close: string;
  /** The name of the region. */
  call: (user: string) => string;
  controls: string;
  theirPicture: (user: string) => string;
  ownPicture: string;
  rings: (video: boolean) => string;
  calling: string;
  ringing: string;
  offline: string;
  connecting: string;
  connected: string;
  reconnecting: string;
  peerReconnecting: (user: string) => string;
  network: (quality: NetworkQuality) => string;
  /** What was asked for can't be done, and the call goes on as it was. */
  trouble: (source: "microphone" | "camera" | "screen", code: RingbackErrorCode | undefined) => string;
  deviceLost: string;
  ended: (user: string, role: Role, outcome: Outcome) => string;
}

export const english: CallWords = {
  answer: "Answer",
  answerWithoutCamera: "Answer without camera",
  decline: "Decline",
  cancel: "Cancel",
  hangUp: "Hang up",
  mute: "Mute",
  camera: "Camera",
  screen: "Screen",
  shareScreen: "Share screen",
  devices: "Devices",
  microphone: "Microphone",
  speaker: "Speaker",
  unnamed: (number) => `Device ${number}`,
  callAgain: "Call again",
  close: "Close",
  call: (user) => `Call with ${user}`,
  controls: "Call controls",
  theirPicture: (user) => `Video of ${user}`,
  ownPicture: "Your own video",
  rings: (video) => (video ? "wants a video call with you" : "calls you"),
  calling: "Calling…",
  ringing: "Ringing…",
  offline: "Waiting for the connection…",
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Connection lost. Reconnecting…",
  peerReconnecting: (user) => `${user} is reconnecting…`,
  network: (quality) => ({ good: "Network: good", fair: "Network: fair", poor: "Network: poor" })[quality],
  trouble: (source, code) => `The ${source} ${TROUBLE[code ?? "media_failed"] ?? "can't be used."}`,
  deviceLost: "A microphone or camera was unplugged.",
  ended,
};

const TROUBLE: Partial<Record<RingbackErrorCode, string>> = {
  permission_denied: "is not allowed.",
  device_not_found: "was not found.",
  device_in_use: "is in use by another program.",
};

function ended(user: string, role: Role, { reason, by, error }: Outcome): string {
  const isCaller = role === "caller";
  switch (reason) {
    case "hangup":
      return "Call ended";
    case "cancelled":
      return isCaller ? "Call cancelled" : "Missed call";
    case "no_answer":
      return isCaller ? "No answer" : "Missed call";
    case "rejected":
      return isCaller ? `${user} declined` : "You declined";
    case "busy":
      return isCaller ? `${user} is busy` : "You were busy";
    case "answered_elsewhere":
      return "Answered on another device";
    case "offline":
      return `${user} is not there`;
    case "denied":
      return `You may not call ${user}`;
    case "setup_timeout":
      return "Could not connect in time";
    case "ice_failed":
      return "No route for the media";
    case "media_denied":
      return by?.user === user ? `${user} has no microphone or camera` : denied(error?.code);
    case "connection_lost":
      return "Connection lost";
    case "ended_by_server":
      return "Ended by the service";
    case "other_tab":
      return "Goes on in another tab";
    case "failed":
      return failed(error?.code);
  }
}

function denied(code: RingbackErrorCode | undefined): string {
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

function failed(code: RingbackErrorCode | undefined): string {
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

/** `m:ss`, or `h:mm:ss`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => `${value}`.padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
