// What is seen of the graph's plane.

import { LGraphGroup, type LGraphNode, LiteGraph } from "@comfyorg/litegraph";
import type { Surface } from "./surface";

const MARGIN = 24;

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** What nodes with their title bars, and groups, lie within. */
export function boundsOf(items: (LGraphNode | LGraphGroup)[]): Bounds {
  return {
    left: Math.min(...items.map((n) => n.pos[0]!)),
    top: Math.min(...items.map((n) => n.pos[1]! - (n instanceof LGraphGroup ? 0 : LiteGraph.NODE_TITLE_HEIGHT))),
    right: Math.max(...items.map((n) => n.pos[0]! + n.size[0]!)),
    bottom: Math.max(...items.map((n) => n.pos[1]! + n.size[1]!)),
  };
}

export class View {
  constructor(private readonly surface: Surface) {}

  private get canvas(): HTMLCanvasElement {
    return this.surface.canvas;
  }

  /** Shows all of the workflow. */
  fit(): void {
    const { graph, ds } = this.surface;
    const items = [...(graph?._nodes ?? []), ...(graph?._groups ?? [])];
    if (items.length === 0) return;
    const { left, top, right, bottom } = boundsOf(items);
    const { clientWidth, clientHeight } = this.canvas;
    const scale = Math.max(0.1, Math.min(1.1, (clientWidth - 2 * MARGIN) / (right - left), (clientHeight - 2 * MARGIN) / (bottom - top)));
    ds.scale = scale;
    ds.offset[0] = clientWidth / 2 / scale - (left + right) / 2;
    ds.offset[1] = clientHeight / 2 / scale - (top + bottom) / 2;
    this.surface.setDirty(true, true);
  }

  /** Goes to a node, near enough to read it. */
  centre(node: LGraphNode): void {
    this.surface.ds.scale = Math.max(0.8, this.surface.ds.scale);
    this.surface.centerOnNode(node);
    this.surface.setDirty(true, true);
  }

  /** Comes closer or goes away, by a factor. */
  zoom(factor: number): void {
    this.surface.ds.changeScale(this.surface.ds.scale * factor, [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]);
    this.surface.setDirty(true, true);
  }

  get scale(): number {
    return this.surface.ds.scale;
  }

  /** A point of the window on the graph's plane. */
  toGraph(clientX: number, clientY: number): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    const { scale, offset } = this.surface.ds;
    return [(clientX - box.left) / scale - offset[0], (clientY - box.top) / scale - offset[1]];
  }

  /** A point of the graph's plane in the window. */
  toClient(x: number, y: number): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    const { scale, offset } = this.surface.ds;
    return [(x + offset[0]) * scale + box.left, (y + offset[1]) * scale + box.top];
  }

  /** Whether a point of the window lies on the canvas, and not on a panel. */
  holds(clientX: number, clientY: number): boolean {
    const box = this.canvas.getBoundingClientRect();
    return clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
  }
}
