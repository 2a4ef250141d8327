export { RingbackClient, type RingbackEvents, type RingbackOptions } from "./client";
export type { Call } from "./call";
export type { CallEvents, CallState, LinkState } from "./call-types";
export type { ConnectionState } from "./connection";
export { RingbackError, hasCode, type RingbackErrorCode } from "./errors";
export type { Outcome } from "./outcome";
export type { Platform, Socket, Timers } from "./platform";
export { PATH, type EndReason, type Endpoint, type Media, type Role, type Welcome } from "./protocol";
