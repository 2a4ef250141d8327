import type { Platform, Socket, Timers } from "../platform.ts";
import { CloseCode, SUBPROTOCOL, parseFrame, type HelloFrame, type Request, type SeenFrame, type ServerFrame } from "../protocol.ts";

/** How long a socket may wait for the one that takes its place. */
const LINGER_MS = 5_000;

export interface GatewaySocketOptions {
  url: string;
  /** It is open: the first frame. */
  opened: () => void;
  /** Something has come, whatever it is. */
  heard: () => void;
  frame: (frame: ServerFrame) => void;
  closed: (code: number, reason: string) => void;
}

/** One WebSocket, from its opening until nobody wants to hear of it any more. */
export class GatewaySocket {
  readonly #socket: Socket;

  constructor(platform: Platform, { url, opened, heard, frame, closed }: GatewaySocketOptions) {
    this.#socket = new platform.WebSocket(url, SUBPROTOCOL);
    this.#socket.onopen = opened;
    this.#socket.onmessage = ({ data }) => {
      heard();
      const parsed = parseFrame(data);
      if (parsed !== undefined) frame(parsed);
    };
    this.#socket.onclose = ({ code, reason }) => closed(code, reason);
  }

  send(frame: HelloFrame | SeenFrame | (Request & { id: number })): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** Nothing of it is heard from now on: a broken socket may take minutes to say that it is closed. */
  drop(): void {
    this.#ignore();
    this.#socket.close(CloseCode.Normal);
  }

  /** Nothing of it is heard from now on, but it stays until another has taken its place: between the two the user would be offline. */
  linger(timers: Timers): void {
    this.#ignore();
    const limit = timers.set(() => this.#socket.close(CloseCode.Normal), LINGER_MS);
    this.#socket.onclose = () => timers.clear(limit);
  }

  #ignore(): void {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
  }
}
