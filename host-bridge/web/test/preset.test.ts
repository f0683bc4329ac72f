import assert from "node:assert/strict";
import test from "node:test";
import { inputsOf, type NodeInfo } from "../src/model/nodeinfo";
import { leftToPreset, presetValue, readPresets } from "../src/model/preset";

const presets = { isac: { default: 0.5, paper: 1, typed: 0.5 }, attend_excite: { default: 0.4, official: 0.4, paper: 0.2 } };
const info = {
  name: "ISACGuidance", display_name: "ISAC Guidance", description: "", category: "isac", output: ["MODEL"], output_node: false,
  input: {
    required: {
      eta: ["FLOAT", { default: -1.0, min: -1.0, placeholder: "preset", presets }],
      schedule: [["preset", "A", "B"], { default: "preset", presets: { isac: { default: "A", paper: "B" } } }],
      plain: [["preset", "x"], { default: "preset" }],
      steps: ["INT", { default: 3 }],
      broken: ["FLOAT", { default: -1.0, placeholder: "preset", presets: { isac: [1] , x: 3 } }],
    },
  },
} as unknown as NodeInfo;

test("what is left to a preset is what the preset has, and changes with it", () => {
  const [eta, schedule, plain, steps] = inputsOf(info);
  assert.ok(eta && schedule && plain && steps);
  assert.ok(leftToPreset(eta, -1) && leftToPreset(schedule, "preset"));
  assert.ok(!leftToPreset(eta, 0) && !leftToPreset(schedule, "A") && !leftToPreset(plain, "preset") && !leftToPreset(steps, 3));
  assert.equal(presetValue(eta, "isac", "default"), 0.5);
  assert.equal(presetValue(eta, "isac", "paper"), 1);
  assert.equal(presetValue(eta, "attend_excite", "paper"), 0.2);
  assert.equal(presetValue(schedule, "isac", "paper"), "B");
});

test("what is not known is nothing", () => {
  const [eta, schedule, , steps, broken] = inputsOf(info);
  assert.ok(eta && schedule && steps && broken);
  assert.equal(presetValue(eta, "isac", "official"), undefined);
  assert.equal(presetValue(eta, undefined, undefined), undefined);
  assert.equal(presetValue(schedule, "attend_excite", "default"), undefined);
  assert.equal(presetValue(steps, "isac", "default"), undefined);
  assert.equal(broken.presets, undefined);
  for (const raw of [undefined, 3, "x", [1], { a: { b: {} } }, { a: null }]) assert.equal(readPresets(raw), undefined);
});
