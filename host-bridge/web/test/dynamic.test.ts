import assert from "node:assert/strict";
import test from "node:test";
import { drawn, withChoices } from "../src/model/dynamic";
import type { NodeInfos } from "../src/model/nodeinfo";
import infos from "./nodes.json";

const nodes = infos as unknown as NodeInfos;

test("a choice is drawn from each brace, also from those within others", () => {
  const first = () => 0;
  const last = () => 0.999;
  const cases: [string, string, string][] = [
    ["a cat", "a cat", "a cat"],
    ["a {red|blue} cat and {one|two} dogs", "a red cat and one dogs", "a blue cat and two dogs"],
    ["{a|{b|c}d}", "a", "cd"],
    ["{a}", "a", "a"],
    ["{|x}", "", "x"],
    ["a {b|c", "a b", "a c"],
    ["a } b | c", "a } b | c", "a } b | c"],
    ["\\{a\\|b\\} (c\\)", "{a|b} (c\\)", "{a|b} (c\\)"],
    ["{a\\|b|c}", "a|b", "c"],
    ["a // no cat\nb /* and\nno dog */c", "a \nb c", "a \nb c"],
    ["end\\", "end\\", "end\\"],
  ];
  for (const [text, one, other] of cases) {
    assert.equal(drawn(text, first), one, text);
    assert.equal(drawn(text, last), other, text);
  }
});

test("choices are drawn evenly", () => {
  const seen: Record<string, number> = {};
  for (let i = 0; i < 30; i++) {
    const word = drawn("{a|b|c}", () => i / 30);
    seen[word] = (seen[word] ?? 0) + 1;
  }
  assert.deepEqual(seen, { a: 10, b: 10, c: 10 });
});

test("only texts that may hold choices are changed, and the workflow stays", () => {
  const workflow = {
    "1": { class_type: "CLIPTextEncode", inputs: { text: "a {red|blue} cat", clip: ["2", 1] } },
    "3": { class_type: "SaveImage", inputs: { filename_prefix: "{a|b}", images: ["4", 0] } },
    "5": { class_type: "NoSuchNode", inputs: { text: "{a|b}" } },
  };
  const sent = withChoices(workflow as never, nodes, () => 0.9);
  assert.equal(sent["1"]!.inputs["text"], "a blue cat");
  assert.deepEqual(sent["1"]!.inputs["clip"], ["2", 1]);
  assert.equal(sent["3"]!.inputs["filename_prefix"], "{a|b}");
  assert.equal(sent["5"]!.inputs["text"], "{a|b}");
  assert.equal(workflow["1"].inputs.text, "a {red|blue} cat");
});
