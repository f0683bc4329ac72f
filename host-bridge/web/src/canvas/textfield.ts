import type { LGraphNode } from "@comfyorg/litegraph";
import { fitText, wrapText } from "./draw";
import { RowField } from "./field";
import type { GraphNode } from "./node";
import { palette } from "./palette";
import type { Area } from "./stage";

/** A text of one line. */
export class TextField extends RowField {
  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    this.box(ctx, node, area);
    const middle = area.y + area.height / 2 + 0.5;
    const value = this.computedDisabled ? "linked" : String(this.value) || this.input.placeholder;
    ctx.textAlign = "right";
    ctx.fillStyle = this.computedDisabled || this.value === "" ? palette.faint : palette.text;
    const shown = fitText(ctx, value, area.width * 0.62);
    ctx.fillText(shown, area.x + area.width - 10, middle);
    ctx.textAlign = "left";
    ctx.fillStyle = palette.muted;
    ctx.fillText(fitText(ctx, this.displayName, area.width - 28 - ctx.measureText(shown).width), area.x + 10, middle);
  }

  override click(node: GraphNode, _x: number, area: Area): void {
    this.stage.editText({
      area, value: String(this.value), label: this.displayName, multiline: false, align: "left", placeholder: this.input.placeholder,
      done: (text) => this.set(node, text),
    });
  }
}

const LINE = 16;

/** A text of many lines; it takes the room that is left in its node. */
export class ParagraphField extends RowField {
  override computeSize = undefined;

  computeLayoutSize(_node: LGraphNode): { minHeight: number; minWidth: number; maxHeight?: number } {
    return this.hidden ? { minHeight: 0, maxHeight: 0, minWidth: 0 } : { minHeight: this.height(), minWidth: 180 };
  }

  override height(): number {
    return this.input.required ? 60 : 44;
  }

  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    this.box(ctx, node, area);
    ctx.beginPath();
    ctx.rect(area.x, area.y, area.width, area.height);
    ctx.clip();
    ctx.textAlign = "left";
    const empty = this.computedDisabled || this.value === "";
    const text = this.computedDisabled ? `${this.displayName}: linked` : String(this.value) || this.input.placeholder || this.displayName;
    ctx.fillStyle = empty ? palette.faint : palette.text;
    const lines = wrapText(ctx, text, area.width - 18, Math.ceil(area.height / LINE));
    lines.forEach((line, i) => ctx.fillText(line, area.x + 9, area.y + 14 + i * LINE));
  }

  override click(node: GraphNode, _x: number, area: Area): void {
    this.stage.editText({
      area, value: String(this.value), label: this.displayName, multiline: true, align: "left", placeholder: this.input.placeholder || this.displayName,
      done: (text) => this.set(node, text),
    });
  }
}
