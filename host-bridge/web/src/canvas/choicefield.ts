import type { Size } from "@comfyorg/litegraph";
import { CONTROLS } from "../model/integer";
import type { Input } from "../model/nodeinfo";
import { chevron, fitText } from "./draw";
import { Field, RowField } from "./field";
import type { GraphNode } from "./node";
import { palette } from "./palette";
import type { Area, Stage } from "./stage";

const ADD = "Upload a file…";

/** One of a list. */
export class ComboField extends RowField {
  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    this.box(ctx, node, area);
    const middle = area.y + area.height / 2 + 0.5;
    ctx.strokeStyle = palette.muted;
    ctx.lineWidth = 1.5;
    if (!this.computedDisabled) chevron(ctx, area.x + area.width - 12, middle, "down");
    const known = this.input.choices.includes(String(this.value));
    const left = this.leftTo(node);
    const value = this.computedDisabled ? "linked" : left || String(this.value) || "none";
    ctx.textAlign = "right";
    // What is the preset's is fainter than what somebody has set.
    ctx.fillStyle = this.computedDisabled ? palette.faint : !known ? palette.error : left ? palette.muted : palette.text;
    const shown = fitText(ctx, value, area.width * 0.62);
    ctx.fillText(shown, area.x + area.width - 22, middle);
    ctx.textAlign = "left";
    ctx.fillStyle = palette.muted;
    ctx.fillText(fitText(ctx, this.displayName, area.width - 40 - ctx.measureText(shown).width), area.x + 10, middle);
  }

  override click(node: GraphNode, _x: number, area: Area): void {
    this.stage.choose({
      area, value: String(this.value), label: this.displayName,
      choices: this.input.upload ? [...this.input.choices, ADD] : this.input.choices,
      done: (choice) => {
        if (choice === ADD && this.input.upload) void this.add(node);
        else this.set(node, choice);
      },
    });
  }

  private async add(node: GraphNode): Promise<void> {
    const name = await this.stage.upload();
    if (name === undefined) return;
    if (!this.input.choices.includes(name)) this.input.choices.push(name);
    this.set(node, name);
  }
}

/** What becomes of a seed after it was queued. */
export class ControlField extends ComboField {
  constructor(name: string, value: string, stage: Stage) {
    const input: Input = {
      name, kind: "combo", type: "COMBO", required: true, fallback: "randomize", control: false, multiline: false, dynamic: false, placeholder: "",
      tooltip: "What becomes of the seed after it was queued.", choices: [...CONTROLS], upload: false, labelOn: "", labelOff: "", socketless: true,
    };
    super(input, value, stage);
    this.label = "after queueing";
  }
}

/** On or off. */
export class ToggleField extends RowField {
  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    this.box(ctx, node, area);
    const middle = area.y + area.height / 2 + 0.5;
    const on = this.value === true;
    const right = area.x + area.width - 9;
    ctx.beginPath();
    ctx.roundRect(right - 24, middle - 7, 24, 14, 7);
    ctx.fillStyle = on ? palette.accent : palette.fieldBorder;
    ctx.fill();
    ctx.beginPath();
    ctx.arc(on ? right - 7 : right - 17, middle, 5, 0, Math.PI * 2);
    ctx.fillStyle = "#fff";
    ctx.fill();
    ctx.textAlign = "right";
    ctx.fillStyle = palette.muted;
    ctx.fillText(on ? this.input.labelOn : this.input.labelOff, right - 30, middle);
    ctx.textAlign = "left";
    ctx.fillText(fitText(ctx, this.displayName, area.width - 80), area.x + 10, middle);
  }

  override click(node: GraphNode): void {
    this.set(node, this.value !== true);
  }
}

/** Shows the fields that most people leave alone, or hides them again. */
export class MoreField extends Field {
  override serialize = false;

  constructor(private readonly count: number, stage: Stage, private readonly toggle: (node: GraphNode) => void) {
    super("more options", "", stage);
  }

  override computeSize = (width = 0): Size => [width, this.hidden ? -4 : 20];

  protected override paint(ctx: CanvasRenderingContext2D, node: GraphNode, area: Area): void {
    ctx.fillStyle = this.hovered(node) ? palette.text : palette.muted;
    ctx.strokeStyle = ctx.fillStyle;
    ctx.lineWidth = 1.5;
    ctx.textAlign = "left";
    const middle = area.y + area.height / 2;
    chevron(ctx, area.x + 8, middle, node.showAdvanced ? "up" : "down");
    ctx.fillText(node.showAdvanced ? "fewer options" : `${this.count} more options`, area.x + 18, middle + 0.5);
  }

  override click(node: GraphNode): void {
    this.toggle(node);
  }
}
