import type { Socket } from "../../src/platform.ts";

export type Frame = Record<string, unknown> & { type: string; id: number };

/** A socket whose other end is the test. */
export class FakeSocket implements Socket {
  static readonly opened: FakeSocket[] = [];
  /** The gateway's clock. */
  static now: () => number = () => 0;

  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly sent: Frame[] = [];
  readonly url: string;
  readonly protocol: string;
  closedBy: number | undefined;
  answersPings = true;

  constructor(url: string, protocol: string) {
    if (!url.startsWith("ws")) throw new DOMException(`${url} is no address of a socket`, "SyntaxError");
    this.url = url;
    this.protocol = protocol;
    FakeSocket.opened.push(this);
  }

  send(data: string): void {
    const frame = JSON.parse(data) as Frame;
    this.sent.push(frame);
    if (frame.type === "ping" && this.answersPings) queueMicrotask(() => this.says({ type: "ack", id: frame.id, at: FakeSocket.now() }));
  }

  close(code?: number): void {
    this.readyState = 3;
    this.closedBy = code;
  }

  get isHeard(): boolean {
    return this.onopen !== null || this.onmessage !== null || this.onclose !== null;
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  says(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  saysRaw(data: unknown): void {
    this.onmessage?.({ data });
  }

  breaks(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }
}
