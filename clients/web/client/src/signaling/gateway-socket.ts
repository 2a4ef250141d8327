import type { Platform, Socket } from "../platform.ts";
import { CloseCode, SUBPROTOCOL, parseFrame, type HelloFrame, type Request, type SeenFrame, type ServerFrame } from "../protocol.ts";

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
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(CloseCode.Normal);
  }
}
