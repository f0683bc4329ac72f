import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Report } from "../src/api/types";
import { idleSpans, roundUp, short } from "../src/canvas/plot";
import type { ApiWorkflow } from "../src/model/workflow";
import { Run, lineage, shapeOf } from "../src/run/run";

const demo = JSON.parse(readFileSync("../../examples/workflows/two-cats-and-a-dog.json", "utf8")) as ApiWorkflow;
const report = (index: number, skipped?: string): Report => ({
  image: 0, index, count: 10, losses: [{ name: "instance", value: 0.1, weight: 1 }, { name: "class", value: 0.2, weight: 1 }], loss: 0.3, height: 1, width: 1, ...(skipped ? { skipped } : {}),
});
const picture = (filename: string) => ({ images: [{ filename, subfolder: "", type: "output" }] });

test("masks belong to the guided sampler's pictures, and to nobody else's", () => {
  const run = new Run("r", demo);
  run.reports.set("20", [report(0)]);
  for (const id of ["12", "22", "31"]) run.outputs.set(id, picture(`${id}.png`));
  assert.equal(run.samplerBehind("22"), "20");
  assert.equal(run.samplerBehind("12"), undefined, "the plain picture was not guided");
  assert.equal(run.samplerBehind("31"), undefined, "what was drawn of the masks is no picture to draw them on");
  assert.equal(run.resultsOf("20"), "22");
  assert.equal(run.resultsOf("10"), "12");
});

test("a guidance node finds its sampler, also if there was nothing to guide", () => {
  const run = new Run("r", demo);
  assert.equal(run.steered("5"), undefined);
  run.outputs.set("20", { text: ["no objects to count were found"] });
  assert.equal(run.steered("5"), "20");
});

test("steps that were not guided are told apart", () => {
  const reports = [report(0, "why"), ...[1, 2, 3].map((i) => report(i)), report(4, "why"), report(5, "why"), report(6), report(7, "why")];
  assert.deepEqual(idleSpans(reports), [[0, 0], [4, 5], [7, 7]]);
  assert.deepEqual(idleSpans([]), []);
});

test("workflows of the same nodes are alike, whatever their values", () => {
  const other = structuredClone(demo);
  other["10"]!.inputs["seed"] = 8;
  assert.equal(shapeOf(other), shapeOf(demo));
  delete other["31"];
  assert.notEqual(shapeOf(other), shapeOf(demo));
});

test("a node's work is the same only where all before it is", () => {
  const other = structuredClone(demo);
  other["12"]!.inputs["filename_prefix"] = "else";
  assert.equal(lineage(other, "20"), lineage(demo, "20"), "what comes behind does not matter");
  other["2"]!.inputs["text"] = "a photo of a cat";
  assert.notEqual(lineage(other, "20"), lineage(demo, "20"));
  assert.equal(lineage(other, "3"), lineage(demo, "3"));
});

test("losses are written short, and axes end at round numbers", () => {
  assert.deepEqual([0, 0.061234, 1.5, 0.00001234, 123456].map(short), ["0", "0.0612", "1.5", "1.2e-5", "1.2e+5"]);
  assert.deepEqual([0.061, 0.1, 7.2, 0].map(roundUp), [0.08, 0.1, 8, 1]);
});
