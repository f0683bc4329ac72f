// The fields of a node: widgets in the canvas library's words. They are drawn on the canvas, and edited in HTML that lies over
// it just as long.

import type { CanvasPointer, CanvasPointerEvent, LGraphCanvas, LGraphNode, Size } from "@comfyorg/litegraph";
import type { Input, Value } from "../model/nodeinfo";
import { leftToPreset, presetValue } from "../model/preset";
import { font } from "./draw";
import type { GraphNode } from "./node";
import { palette } from "./palette";
import type { Area, Stage } from "./stage";

export const ROW = 24;
/** From a node's edge to a field's. */
export const MARGIN = 14;

export abstract class Field {
  readonly type: string = "custom";
  readonly options: { socketless?: boolean } = {};
  y = 0;
  last_y?: number;
  computedHeight?: number;
  computedDisabled?: boolean;
  hidden = false;
  advanced = false;
  serialize = true;
  label?: string;
  /** Painted in full where others are a plain box, because the whole workflow is seen. */
  protected readonly seenFromAfar: boolean = false;

  constructor(readonly name: string, public value: Value, readonly stage: Stage) {}

  /** The height that it takes at least. */
  height(): number {
    return ROW;
  }

  /** The room that it takes, for the library; fields that grow have computeLayoutSize instead. */
  computeSize?: ((width?: number) => Size) | undefined;

  protected abstract paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void;

  /** A click, at a distance from the field's left edge. */
  click(_node: GraphNode, _x: number, _area: Area): void {}
  /** Dragged sideways so far, in pixels of the graph since the last call. */
  drag?(node: GraphNode, dx: number, e: CanvasPointerEvent): void;

  area(node: LGraphNode): Area {
    return { x: node.pos[0] + MARGIN, y: node.pos[1] + this.y, width: node.size[0] - 2 * MARGIN, height: this.rows };
  }

  protected get rows(): number {
    return this.computedHeight !== undefined ? this.computedHeight - 4 : this.height();
  }

  draw(ctx: CanvasRenderingContext2D, node: LGraphNode, width: number, y: number, _h: number, lowQuality?: boolean): void {
    const area = { x: MARGIN, y, width: width - 2 * MARGIN, height: this.rows };
    if (lowQuality && !this.seenFromAfar) {
      ctx.fillStyle = palette.field;
      ctx.fillRect(area.x, area.y, area.width, area.height);
      return;
    }
    ctx.save();
    ctx.font = font(12);
    ctx.textBaseline = "middle";
    ctx.lineWidth = 1;
    this.paint(ctx, node as GraphNode, area);
    ctx.restore();
  }

  onPointerDown(pointer: CanvasPointer, node: LGraphNode, canvas: LGraphCanvas): boolean {
    const e = pointer.eDown;
    if (!e || e.button !== 0) return false;
    const area = this.area(node);
    pointer.onClick = () => {
      canvas.processSelect(node, e);
      if (!this.computedDisabled) this.click(node as GraphNode, e.canvasX - area.x, area);
    };
    if (this.drag && !this.computedDisabled) {
      let last = e.canvasX;
      pointer.onDrag = (move) => {
        this.drag?.(node as GraphNode, move.canvasX - last, move);
        last = move.canvasX;
      };
      pointer.onDragEnd = () => this.stage.changed();
    }
    return true;
  }

  protected set(node: GraphNode, value: Value): void {
    if (value === this.value) return;
    this.value = value;
    this.stage.fieldChanged(node, this, value);
  }

  protected hovered(node: GraphNode): boolean {
    return node.mouseOver?.overWidget === (this as unknown);
  }

  /** The frame that all fields share. */
  protected box(ctx: CanvasRenderingContext2D, node: GraphNode, { x, y, width, height }: Area): void {
    const wrong = this.stage.mistakes(node).some((m) => m.extra_info?.input_name === this.name);
    ctx.globalAlpha = this.computedDisabled ? 0.55 : 1;
    ctx.fillStyle = palette.field;
    ctx.strokeStyle = wrong ? palette.error : this.hovered(node) && !this.computedDisabled ? palette.faint : palette.fieldBorder;
    ctx.lineWidth = wrong ? 1.5 : 1;
    ctx.beginPath();
    ctx.roundRect(x + 0.5, y + 0.5, width - 1, height - 1, 6);
    ctx.fill();
    ctx.stroke();
  }

  get displayName(): string {
    return this.label ?? this.name.replaceAll("_", " ");
  }
}

/** A field that stands for an input. */
export abstract class RowField extends Field {
  constructor(readonly input: Input, value: Value, stage: Stage) {
    super(input.name, value, stage);
  }

  /** What the node's preset has, where the field is left to it: "" where that is not known, undefined where somebody has set the field. */
  leftTo(node: GraphNode): string | undefined {
    if (!leftToPreset(this.input, this.value)) return undefined;
    const chosen = (name: string): Value | undefined => {
      const field = node.field(name);
      return field?.computedDisabled ? undefined : field?.value;
    };
    const value = presetValue(this.input, chosen("method"), chosen("preset"));
    return value === undefined ? "" : this.written(value);
  }

  /** A value as the field shows it. */
  protected written(value: Value): string {
    return String(value);
  }

  // The library gives room and a gap of 4 to fields that are not shown, too.
  override computeSize: ((width?: number) => Size) | undefined = (width = 0) => [width, this.hidden ? -4 : this.height()];
}
