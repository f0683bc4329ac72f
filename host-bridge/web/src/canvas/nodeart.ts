// How a node looks beyond its fields: its title, what it is at, and what is wrong with it.

import type { LGraphNode } from "@comfyorg/litegraph";
import { LiteGraph } from "@comfyorg/litegraph";
import type { Mistake } from "../api/types";
import type { NodeRun } from "../run/run";
import { fitText, font, wrapText } from "./draw";
import type { GraphNode } from "./node";
import { categoryColour, palette } from "./palette";
import type { Stage } from "./stage";

const RADIUS = 9;
/** Lines of one mistake below its node. */
const MOST_LINES = 4;

function stateOf(node: GraphNode, stage: Stage): NodeRun | undefined {
  return stage.shownRun()?.nodes.get(String(node.id));
}

/** The title bar: a stripe of the category, a dot that tells the state, the time it took, and progress. */
export function paintTitle(ctx: CanvasRenderingContext2D, node: GraphNode, stage: Stage): void {
  const height = LiteGraph.NODE_TITLE_HEIGHT;
  const width = node.renderingSize[0]!;
  const state = stateOf(node, stage);
  ctx.save();
  ctx.beginPath();
  ctx.roundRect(0, -height, width, height, node.flags.collapsed ? RADIUS : [RADIUS, RADIUS, 0, 0]);
  ctx.fillStyle = node.renderingColor;
  ctx.fill();
  ctx.clip();
  ctx.fillStyle = categoryColour(node.info.category);
  ctx.fillRect(0, -height, width, 2.5);
  if (state?.state === "running") paintProgress(ctx, state, width);
  ctx.restore();
  dot(ctx, height / 2, -height / 2 + 1, node, state, stage);
  paintText(ctx, node, state, width, height);
}

/** The title, what it is a title of if it does not say so itself, and how long the node took. */
function paintText(ctx: CanvasRenderingContext2D, node: GraphNode, state: NodeRun | undefined, width: number, height: number): void {
  const y = -height / 2 + 1.5;
  ctx.save();
  ctx.textBaseline = "middle";
  let right = width - 10;
  // Moments are not worth the room that a title wants.
  if (state?.seconds !== undefined && state.seconds >= 0.1 && state.state !== "cached" && !node.flags.collapsed) {
    ctx.font = font(10.5);
    ctx.textAlign = "right";
    ctx.fillStyle = palette.faint;
    const text = `${state.seconds.toFixed(state.seconds < 10 ? 1 : 0)} s`;
    ctx.fillText(text, right, y);
    right -= ctx.measureText(text).width + 8;
  }
  ctx.textAlign = "left";
  ctx.font = font(13, 600);
  ctx.fillStyle = palette.text;
  const title = fitText(ctx, node.getTitle(), right - height);
  ctx.fillText(title, height - 2, y);
  const end = height + ctx.measureText(title).width + 6;
  ctx.font = font(10.5);
  const kind = node.info.display_name;
  if (node.title !== kind && end + ctx.measureText(kind).width < right) {
    ctx.fillStyle = palette.faint;
    ctx.fillText(kind, end, y + 0.5);
  }
  ctx.restore();
}

function paintProgress(ctx: CanvasRenderingContext2D, state: NodeRun, width: number): void {
  ctx.fillStyle = palette.fieldBorder;
  ctx.fillRect(0, -4, width, 4);
  ctx.fillStyle = palette.accent;
  ctx.fillRect(0, -4, width * (state.max > 0 ? Math.min(1, state.value / state.max) : 0), 4);
}

/** The dot that folds the node; its colour tells what became of it. */
function dot(ctx: CanvasRenderingContext2D, x: number, y: number, node: GraphNode, state: NodeRun | undefined, stage: Stage): void {
  const colours = { running: palette.accent, finished: palette.good, cached: palette.cached, error: palette.error };
  const wrong = stage.mistakes(node).length > 0;
  ctx.beginPath();
  ctx.arc(x, y, 4.5, 0, Math.PI * 2);
  if (!wrong && !state) {
    ctx.strokeStyle = palette.faint;
    ctx.lineWidth = 1.5;
    ctx.stroke();
    return;
  }
  ctx.fillStyle = wrong ? palette.error : colours[state!.state];
  ctx.fill();
}

/** The line round a node. */
export function strokeOf(node: GraphNode, stage: Stage): { color: string; lineWidth: number; padding: number } {
  const running = stateOf(node, stage)?.state === "running";
  if (stage.mistakes(node).length > 0) return { color: palette.error, lineWidth: 2.5, padding: 1.5 };
  if (running) return { color: palette.accent, lineWidth: 2.5, padding: 1.5 };
  if (node.selected) return { color: palette.accent, lineWidth: 2, padding: 2 };
  return { color: palette.border, lineWidth: 1, padding: 0 };
}

/** One sentence for a mistake. */
export function sentence(m: Mistake): string {
  const input = m.extra_info?.input_name;
  if (m.type === "required_input_missing" && input) return `${input} is missing: connect it.`;
  return m.details && m.details !== input ? `${m.message}: ${m.details}` : input ? `${m.message}: ${input}` : m.message;
}

/** The beginning of a text; the panel on the right has all of it. */
function firstLines(ctx: CanvasRenderingContext2D, text: string, width: number): string[] {
  const lines = wrapText(ctx, text, width, MOST_LINES);
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES - 1), fitText(ctx, lines.slice(MOST_LINES - 1).join(" "), width)];
}

/** What is wrong with a node, written below it. */
export function paintMistakes(ctx: CanvasRenderingContext2D, node: LGraphNode, mistakes: Mistake[]): void {
  const width = Math.max(180, node.renderingSize[0]!);
  ctx.save();
  ctx.font = font(12, 500);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const lines = mistakes.slice(0, 5).flatMap((m) => firstLines(ctx, sentence(m), width - 22));
  const x = node.pos[0];
  const y = node.pos[1] + (node.flags.collapsed ? 0 : node.size[1]) + 7;
  ctx.beginPath();
  ctx.roundRect(x, y, width, lines.length * 17 + 12, 7);
  ctx.fillStyle = palette.errorBack;
  ctx.strokeStyle = palette.error;
  ctx.lineWidth = 1;
  ctx.fill();
  ctx.stroke();
  ring(ctx, node, mistakes);
  ctx.fillStyle = palette.errorText;
  lines.forEach((line, i) => ctx.fillText(line, x + 11, y + 15 + i * 17));
  ctx.restore();
}

/** A ring round each socket that lacks its link. */
function ring(ctx: CanvasRenderingContext2D, node: LGraphNode, mistakes: Mistake[]): void {
  if (node.flags.collapsed) return;
  ctx.lineWidth = 2;
  for (const m of mistakes) {
    const slot = node.inputs.findIndex((i) => i.name === m.extra_info?.input_name && !i.widget);
    if (slot < 0) continue;
    const [x, y] = node.getInputPos(slot);
    ctx.beginPath();
    ctx.arc(x!, y!, 7.5, 0, Math.PI * 2);
    ctx.stroke();
  }
}
