// Binary frames of the socket: big-endian words first, then bytes.

/** A picture of unfinished work. */
export interface PreviewFrame {
  kind: "preview";
  mime: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Where it comes from; frames of type 1 do not tell. */
  node?: string;
  prompt?: string;
}

export interface TextFrame {
  kind: "text";
  node: string;
  text: string;
}

const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;

/** Reads a frame; undefined where its type is not known or it is cut short. */
export function readFrame(buffer: ArrayBuffer): PreviewFrame | TextFrame | undefined {
  if (buffer.byteLength < 8) return undefined;
  const view = new DataView(buffer);
  const second = view.getUint32(4);
  switch (view.getUint32(0)) {
    case PREVIEW:
      return { kind: "preview", mime: second === 2 ? "image/png" : "image/jpeg", bytes: new Uint8Array(buffer, 8) };
    case TEXT: {
      if (8 + second > buffer.byteLength) return undefined;
      const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
      return { kind: "text", node: decode(new Uint8Array(buffer, 8, second)), text: decode(new Uint8Array(buffer, 8 + second)) };
    }
    case PREVIEW_WITH_METADATA: {
      if (8 + second > buffer.byteLength) return undefined;
      const meta = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, second))) as Record<string, unknown>;
      return {
        kind: "preview",
        mime: typeof meta["image_type"] === "string" ? meta["image_type"] : "image/jpeg",
        bytes: new Uint8Array(buffer, 8 + second),
        node: String(meta["display_node_id"] ?? meta["node_id"] ?? ""),
        prompt: String(meta["prompt_id"] ?? ""),
      };
    }
  }
  return undefined;
}
