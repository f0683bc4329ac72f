// What the editor opens with: one prompt, the same seeds, plain and guided side by side.

import demo from "../../../../examples/workflows/two-cats-and-a-dog.json";
import { type LGraphNode, LiteGraph } from "@comfyorg/litegraph";
import type { Board } from "../canvas/board";
import { boundsOf } from "../canvas/view";
import { recognise } from "../model/workflow";

export const DEMO_NAME = "two cats and a dog";

/** What both share and the plain branch, and below them the guided one, in columns from left to right. */
const PLAIN = [["1", "4"], ["2", "3"], ["10"], ["11"], ["12"]];
const GUIDED = [[], ["5"], ["20"], ["21", "30"], ["22", "31"]];
const GAP = { column: 40, node: 32, row: 96 };
/** The model's link goes straight to the sampler above the prompts. */
const BELOW_LINK = 56;

/** Loads the demo: the plain branch above, the guided one in a row of its own below. */
export function loadDemo(board: Board): void {
  board.load(recognise(demo));
  const pick = (ids: string[]): LGraphNode[] => ids.map((id) => board.node(id)).filter((n) => n !== undefined);
  const [plain, guided] = [PLAIN.map(pick), GUIDED.map(pick)];
  let x = 0;
  plain.forEach((column, i) => {
    stack(column, x, i === 1 ? BELOW_LINK : 0);
    const below = guided[i]!;
    x += Math.max(...[...column, ...below].map((n) => n.size[0])) + GAP.column;
  });
  const top = boundsOf(plain.flat()).bottom + GAP.row;
  guided.forEach((column, i) => stack(column, plain[i]![0]?.pos[0] ?? 0, top));
  board.group("Without guidance", plain.slice(2).flat());
  board.group("With ISAC, from the same noise", guided.flat());
}

function stack(nodes: LGraphNode[], x: number, y: number): void {
  for (const node of nodes) {
    node.pos = [x, y + LiteGraph.NODE_TITLE_HEIGHT];
    y += LiteGraph.NODE_TITLE_HEIGHT + node.size[1] + GAP.node;
  }
}
