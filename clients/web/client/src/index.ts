export { RingbackClient, type RingbackEvents, type RingbackOptions } from "./client.ts";
export type { Call, CallEvents } from "./call.ts";
export type { CallState, LinkState, Peer } from "./core/call-model.ts";
export type { ConnectionState } from "./signaling/connection.ts";
export { RingbackError, hasCode, type RingbackErrorCode } from "./errors.ts";
export type { Outcome } from "./core/outcome.ts";
export type { Platform, Socket, Timers } from "./platform.ts";
export { PATH, type EndReason, type Endpoint, type Media, type Role, type Welcome } from "./protocol.ts";
