// What a field, a socket or a node on the canvas is for, when the pointer rests on it.

import type { LGraphNode } from "@comfyorg/litegraph";
import type { Board } from "../canvas/board";
import { RowField } from "../canvas/field";
import { GraphNode } from "../canvas/node";
import { h } from "./dom";

const DELAY = 650;

export function tips(board: Board): void {
  const tip = h("div", { class: "tip", role: "tooltip", hidden: true });
  document.body.append(tip);
  let timer = 0;
  const hide = (): void => {
    clearTimeout(timer);
    tip.hidden = true;
  };
  board.canvas.addEventListener("pointermove", (e) => {
    hide();
    if (e.buttons === 0) timer = window.setTimeout(() => show(e), DELAY);
  });
  for (const type of ["pointerdown", "pointerleave", "wheel"]) board.canvas.addEventListener(type, hide, { passive: true });
  const show = (e: PointerEvent): void => {
    const text = about(board.surface.node_over);
    if (!text) return;
    tip.textContent = text;
    tip.hidden = false;
    tip.style.left = `${Math.min(e.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(e.clientY + 16, innerHeight - tip.offsetHeight - 8)}px`;
  };
}

function about(node: LGraphNode | undefined): string {
  if (!(node instanceof GraphNode) || !node.mouseOver) return "";
  const { inputId = -1, outputId = -1, overWidget } = node.mouseOver as { inputId?: number; outputId?: number; overWidget?: unknown };
  const input = node.inputs[inputId];
  if (input) return [`${input.name}: ${input.type}`, (input as { tooltip?: string }).tooltip].filter(Boolean).join("\n");
  const output = node.outputs[outputId];
  if (output) return [`${output.name}: ${output.type}`, node.info.output_tooltips?.[outputId]].filter(Boolean).join("\n");
  if (overWidget instanceof RowField) return overWidget.input.tooltip;
  return overWidget ? "" : node.info.description;
}
