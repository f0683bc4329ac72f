import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fromApi } from "../src/model/fromapi";
import { layout } from "../src/model/layout";
import type { NodeInfos } from "../src/model/nodeinfo";
import { toApi } from "../src/model/toapi";
import { type ApiWorkflow, BYPASSED, MUTED, recognise } from "../src/model/workflow";
import infos from "./nodes.json";

const nodes = infos as unknown as NodeInfos;
const examples = ["plain.json", "two-cats-and-a-dog.json"].map((name) => JSON.parse(readFileSync(`../../examples/workflows/${name}`, "utf8")) as ApiWorkflow);

/** A workflow without titles, which the editor fills in. */
const bare = (w: ApiWorkflow) => Object.fromEntries(Object.entries(w).map(([id, n]) => [id, { class_type: n.class_type, inputs: n.inputs }]));

test("the examples come back from the editor's format as they were, defaults filled in", () => {
  for (const example of examples) {
    const back = bare(toApi(fromApi(example, nodes), nodes));
    assert.deepEqual(Object.keys(back).sort(), Object.keys(example).sort());
    for (const [id, node] of Object.entries(bare(example))) {
      assert.equal(back[id]!.class_type, node.class_type);
      for (const [name, value] of Object.entries(node.inputs)) assert.deepEqual(back[id]!.inputs[name], value, `${id}.${name}`);
    }
  }
});

test("a muted node is left out, and a bypassed one hands its input on", () => {
  const saved = fromApi(examples[1]!, nodes);
  const isac = saved.nodes.find((n) => n.type === "ISACGuidance")!;
  isac.mode = BYPASSED;
  assert.deepEqual(toApi(saved, nodes)["20"]!.inputs["model"], ["1", 0]);
  isac.mode = MUTED;
  const muted = toApi(saved, nodes);
  assert.equal(muted["5"], undefined);
  assert.equal(muted["20"]!.inputs["model"], undefined);
});

test("a class that the server does not have keeps its values", () => {
  const strange: ApiWorkflow = {
    "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "mini" } },
    "2": { class_type: "NoSuchNode", inputs: { model: ["1", 0], seed: 18446744073709551615n, text: "a" } },
  };
  assert.deepEqual(bare(toApi(fromApi(strange, nodes), nodes)), strange);
});

test("both formats are told apart, and other JSON is refused", () => {
  assert.equal(recognise(examples[0]).kind, "api");
  assert.equal(recognise(fromApi(examples[0]!, nodes)).kind, "editor");
  for (const other of [null, [], 7, {}, { a: 1 }]) assert.throws(() => recognise(other));
});

test("a layout has no boxes over each other and goes from left to right", () => {
  const boxes = [..."abcdefgh"].map((id, i) => ({ id, width: 100 + 10 * i, height: 80 + 25 * i }));
  const edges = [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"], ["d", "e"], ["e", "f"], ["b", "f"]].map(([from, to]) => ({ from: from!, to: to! }));
  const at = layout(boxes, edges);
  assert.equal(at.size, boxes.length);
  for (const one of boxes) {
    for (const other of boxes) {
      const [x, y] = at.get(one.id)!, [u, v] = at.get(other.id)!;
      assert.ok(one === other || x + one.width <= u || u + other.width <= x || y + one.height <= v || v + other.height <= y, `${one.id} lies over ${other.id}`);
    }
  }
  assert.ok(at.get("a")![0] < at.get("b")![0] && at.get("b")![0] < at.get("d")![0]);
});
