// The socket: opened again whenever it is lost, for as long as the page lives.

import { Signal } from "../signal";
import { type PreviewFrame, readFrame } from "./frames";
import type { Client } from "./client";
import type { Messages } from "./types";

export type Message = { [T in keyof Messages]: { type: T; data: Messages[T] } }[keyof Messages];

export class Socket {
  readonly message = new Signal<Message>();
  readonly preview = new Signal<PreviewFrame>();
  /** Whether the server is there. */
  readonly state = new Signal<boolean>();
  connected = false;
  private attempt = 0;
  private socket: WebSocket | undefined;
  private timer = 0;

  constructor(private readonly client: Client) {
    // A laptop that wakes up, or a network that comes back, need not wait for the next attempt.
    const now = (): void => {
      if (!this.connected) this.open();
    };
    window.addEventListener("online", now);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && now());
  }

  open(): void {
    clearTimeout(this.timer);
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    const socket = new WebSocket(this.client.socketUrl());
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      // It has to be the first message.
      socket.send(JSON.stringify({ type: "feature_flags", data: { supports_preview_metadata: true } }));
      this.attempt = 0;
      this.set(true);
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.receive(event.data);
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.set(false);
      this.timer = window.setTimeout(() => this.open(), Math.min(5000, 300 * 2 ** this.attempt++));
    };
  }

  private set(connected: boolean): void {
    this.connected = connected;
    this.state.emit(connected);
  }

  private receive(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      const frame = readFrame(data);
      if (frame?.kind === "preview") this.preview.emit(frame);
      return;
    }
    const message = JSON.parse(data) as Partial<Message>;
    if (typeof message.type === "string" && message.data) this.message.emit(message as Message);
  }
}
