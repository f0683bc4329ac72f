// Putting a node where there are others: into a link, and beside what is there.

import type { LGraph } from "@comfyorg/litegraph";
import type { NodeInfo } from "../model/nodeinfo";
import type { GraphNode } from "./node";

/** How near to a link is on it, in pixels of the graph. */
const REACH = 26;
/** What is kept free round a node; above and below there is its title, too. */
const GAP = { x: 16, y: 46 };

/** The link at a point of the graph's plane that a node of a class could be put into. */
export function linkAt(graph: LGraph, ctx: CanvasRenderingContext2D, info: NodeInfo | undefined, x: number, y: number): number | undefined {
  const inputs = Object.values({ ...info?.input.required, ...info?.input.optional }).map((s) => (Array.isArray(s) ? String(s[0]) : ""));
  ctx.save();
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.lineWidth = REACH;
  const found = [...graph._links.values()].find((l) => {
    if (!l.path || !ctx.isPointInStroke(l.path, x, y)) return false;
    return inputs.some((i) => i === l.type) && info?.output.some((o) => String(o) === l.type);
  });
  ctx.restore();
  return found?.id as number | undefined;
}

/** Puts a node into a link. */
export function splice(graph: LGraph, node: GraphNode, link: number): void {
  const { origin_id, origin_slot, target_id, target_slot, type } = graph._links.get(link)!;
  const [from, to] = [graph.getNodeById(origin_id), graph.getNodeById(target_id)];
  const input = node.inputs.findIndex((i) => i.type === type);
  const output = node.outputs.findIndex((o) => o.type === type);
  if (!from || !to || input < 0 || output < 0) return;
  graph.beforeChange();
  from.connect(origin_slot, node, input);
  node.connect(output, to, target_slot);
  graph.afterChange();
}

/** Moves a node to the nearest place where it covers no other. */
export function makeRoom(graph: LGraph, node: GraphNode): void {
  const [x, y] = [node.pos[0], node.pos[1]];
  const free = (dx: number, dy: number): boolean => graph._nodes.every((n) => n === node
    || n.pos[0] > x + dx + node.size[0] + GAP.x || n.pos[0] + n.size[0] + GAP.x < x + dx
    || n.pos[1] - GAP.y > y + dy + node.size[1] || n.pos[1] + n.size[1] + GAP.y < y + dy);
  for (let far = 0; far < 2400; far += 30) {
    for (let turn = 0; turn < 16; turn++) {
      const [dx, dy] = [far * Math.cos((turn * Math.PI) / 8), far * Math.sin((turn * Math.PI) / 8)];
      if (!free(dx, dy)) continue;
      node.pos = [Math.round(x + dx), Math.round(y + dy)];
      return;
    }
  }
}
