import assert from "node:assert/strict";
import test from "node:test";
import { readFrame } from "../src/api/frames";
import { search } from "../src/ui/search";
import type { NodeInfos } from "../src/model/nodeinfo";
import infos from "./nodes.json";

const frame = (...parts: (number | string)[]) => {
  const bytes = parts.flatMap((p) => (typeof p === "number" ? [p >>> 24, (p >>> 16) & 255, (p >>> 8) & 255, p & 255] : [...new TextEncoder().encode(p)]));
  return new Uint8Array(bytes).buffer;
};

test("previews of both types are read", () => {
  const plain = readFrame(frame(1, 1, "picture"));
  assert.ok(plain?.kind === "preview" && plain.mime === "image/jpeg" && plain.bytes.length === 7 && plain.node === undefined);
  const meta = JSON.stringify({ node_id: "10", prompt_id: "p", image_type: "image/png" });
  const known = readFrame(frame(4, meta.length, meta, "picture"));
  assert.ok(known?.kind === "preview" && known.mime === "image/png" && known.node === "10" && known.prompt === "p" && known.bytes.length === 7);
});

test("what is cut short or unknown is nothing", () => {
  for (const broken of [frame(1), frame(4, 1000, "{}"), frame(3, 50, "x"), frame(9, 9, "x")]) assert.equal(readFrame(broken), undefined);
});

test("search finds nodes by parts of their names", () => {
  const found = search(infos as unknown as NodeInfos, "isac gui").map((i) => i.name);
  assert.equal(found[0], "ISACGuidance");
  assert.deepEqual(search(infos as unknown as NodeInfos, "no such node at all"), []);
});
