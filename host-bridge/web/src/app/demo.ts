// What the editor opens with: one prompt, the same seeds, plain and guided side by side.

import demo from "../../../../examples/workflows/two-cats-and-a-dog.json";
import type { LGraphNode } from "@comfyorg/litegraph";
import type { Board } from "../canvas/board";
import { recognise } from "../model/workflow";

export const DEMO_NAME = "two cats and a dog";

const PLAIN = ["10", "11", "12"];
const GUIDED = ["5", "20", "21", "22", "30", "31"];

/** Loads the demo: the plain branch above, the guided one in a row of its own below. */
export function loadDemo(board: Board): void {
  board.load(recognise(demo));
  const pick = (ids: string[]): LGraphNode[] => ids.map((id) => board.node(id)).filter((n) => n !== undefined);
  const [plain, guided] = [pick(PLAIN), pick(GUIDED)];
  const left = Math.min(...guided.map((n) => n.pos[0]));
  const above = board.graph._nodes.filter((n) => !guided.includes(n) && n.pos[0] + n.size[0] > left);
  const down = Math.max(...above.map((n) => n.pos[1] + n.size[1])) + 92 - Math.min(...guided.map((n) => n.pos[1]));
  for (const n of guided) n.pos = [n.pos[0], n.pos[1] + down];
  // The node that all is about stands beside the sampler that it steers.
  const [guidance, sampler] = guided;
  if (guidance && sampler) guidance.pos = [guidance.pos[0], sampler.pos[1]];
  board.group("Without guidance", plain);
  board.group("With ISAC, from the same noise", guided);
}
