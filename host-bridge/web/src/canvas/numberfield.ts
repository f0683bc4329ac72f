import type { CanvasPointerEvent } from "@comfyorg/litegraph";
import { clampBig, fromBig, toBig } from "../model/integer";
import type { Value } from "../model/nodeinfo";
import { leftToPreset } from "../model/preset";
import { chevron, fitText } from "./draw";
import { RowField } from "./field";
import type { GraphNode } from "./node";
import { palette } from "./palette";
import type { Area } from "./stage";

/** Pixels to drag for one step. */
const STRIDE = 6;
const ARROW = 20;

/** A number: typed, stepped with the arrows at its ends, or dragged. Whole numbers keep all of 64 bits. */
export class NumberField extends RowField {
  /** What was dragged and has not become a step yet. */
  private rest = 0;

  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    this.box(ctx, node, area);
    const middle = area.y + area.height / 2 + 0.5;
    const stepping = this.hovered(node) && !this.computedDisabled;
    if (stepping) {
      ctx.strokeStyle = palette.muted;
      ctx.lineWidth = 1.5;
      chevron(ctx, area.x + 9, middle, "left");
      chevron(ctx, area.x + area.width - 9, middle, "right");
    }
    const value = this.computedDisabled ? "linked" : this.text(node);
    ctx.textAlign = "right";
    // What is the preset's is fainter than what somebody has set.
    ctx.fillStyle = this.computedDisabled ? palette.faint : this.unset ? palette.muted : palette.text;
    const width = Math.min(ctx.measureText(value).width, area.width - 60);
    ctx.fillText(fitText(ctx, value, width + 1), area.x + area.width - ARROW - 2, middle);
    ctx.textAlign = "left";
    ctx.fillStyle = palette.muted;
    // The label makes way for the arrow.
    const left = stepping ? ARROW : 10;
    ctx.fillText(fitText(ctx, this.displayName, area.width - left - ARROW - width - 8), area.x + left, middle);
  }

  /** The value is the one that stands for none, which is below 0: in its place stands what the preset has, or the input's placeholder. */
  private get unset(): boolean {
    return leftToPreset(this.input, this.value);
  }

  text(node: GraphNode): string {
    return this.unset ? this.leftTo(node) || this.input.placeholder : this.written(this.value);
  }

  protected override written(value: Value): string {
    if (this.input.kind === "int" || typeof value !== "number") return String(value);
    const step = this.input.round ?? this.input.step ?? 0.01;
    const digits = Math.max(1, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)));
    // Values from files may be finer than the step.
    return Number(value.toFixed(digits)) === value ? value.toFixed(digits) : String(value);
  }

  override click(node: GraphNode, x: number, area: Area): void {
    if (x < ARROW) return this.step(node, -1);
    if (x > area.width - ARROW) return this.step(node, 1);
    this.stage.editText({
      area, value: this.unset ? this.text(node) : String(this.value), label: this.displayName, multiline: false, align: "right",
      done: (text) => this.enter(node, text),
    });
  }

  override drag(node: GraphNode, dx: number, e: CanvasPointerEvent): void {
    this.rest += dx / (e.shiftKey ? STRIDE * 8 : STRIDE);
    const steps = Math.trunc(this.rest);
    this.rest -= steps;
    if (steps !== 0) this.step(node, steps);
  }

  /** Takes what was typed; what is no number leaves things as they were. Nothing, or the placeholder, gives the field back to the preset, and
   * what the preset has is no change of it. */
  enter(node: GraphNode, text: string): void {
    if (this.unset && text === this.text(node)) return;
    if (this.input.placeholder !== "" && ["", this.input.placeholder].includes(text.trim())) return this.set(node, this.input.fallback);
    if (this.input.kind === "int") {
      const big = toBig(text);
      if (big !== undefined) this.set(node, fromBig(clampBig(big, { min: this.input.bigMin, max: this.input.bigMax })));
      return;
    }
    const number = Number(text.replace(",", "."));
    if (text.trim() !== "" && Number.isFinite(number)) this.set(node, this.tidy(number));
  }

  private step(node: GraphNode, steps: number): void {
    this.set(node, this.stepped(node, steps));
  }

  private stepped(node: GraphNode, steps: number): Value {
    const { input } = this;
    if (input.kind === "int") {
      const step = toBig(input.step ?? 1) || 1n;
      return fromBig(clampBig((toBig(this.value) ?? 0n) + BigInt(steps) * step, { min: input.bigMin, max: input.bigMax }));
    }
    // From the preset's own value, as far as it is known.
    const from = this.unset ? (this.leftTo(node) ? Number(this.leftTo(node)) : Math.min(0, Math.sign(steps))) : Number(this.value);
    return this.tidy(from + steps * (input.step ?? 0.01));
  }

  /** Within the limits, and without what binary fractions leave behind the last digit. */
  private tidy(value: number): number {
    const { min, max } = this.input;
    if (this.input.placeholder !== "" && value < 0) return Number(this.input.fallback);
    const grain = this.input.round ?? (this.input.step ?? 0.01) / 10;
    const rounded = Number((Math.round(value / grain) * grain).toPrecision(12));
    return Math.max(min ?? -Infinity, Math.min(max ?? Infinity, rounded));
  }
}
