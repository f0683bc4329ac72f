// Nodes: their sockets and fields follow from /object_info.

import { type INodeInputSlot, LGraphNode, LiteGraph, RenderShape } from "@comfyorg/litegraph";
import { type Input, type NodeInfo, controlName, inputsOf, typeOf } from "../model/nodeinfo";
import { controlValues, widgetValues } from "../model/toapi";
import { BYPASSED, MUTED, type SavedNode } from "../model/workflow";
import { ComboField, ControlField, MoreField, ToggleField } from "./choicefield";
import type { Field } from "./field";
import { NumberField } from "./numberfield";
import { paintTitle, strokeOf } from "./nodeart";
import { palette } from "./palette";
import { PictureField, type Role } from "./picturefield";
import type { Stage } from "./stage";
import { ParagraphField, TextField } from "./textfield";

/** Optional fields are folded away where a node would have more fields than this. */
const MOST_FIELDS = 8;

export class GraphNode extends LGraphNode {
  static info: NodeInfo;
  static stage: Stage;
  declare showAdvanced: boolean;
  private readonly inputsKnown: Input[];

  constructor(title: string) {
    super(title);
    this.serialize_widgets = true;
    this.strokeStyles = { state: () => strokeOf(this, this.stage) };
    this.inputsKnown = inputsOf(this.info);
    this.build();
    this.setSize(this.computeSize());
  }

  get info(): NodeInfo {
    return (this.constructor as typeof GraphNode).info;
  }

  get stage(): Stage {
    return (this.constructor as typeof GraphNode).stage;
  }

  get fields(): Field[] {
    return (this.widgets ?? []) as unknown as Field[];
  }

  field(name: string): Field | undefined {
    return this.fields.find((f) => f.name === name);
  }

  private build(): void {
    const { info, stage } = this;
    for (const input of this.inputsKnown.filter((i) => i.kind === "socket")) {
      this.addInput(input.name, input.type, { ...(input.required ? {} : { shape: RenderShape.HollowCircle }), tooltip: input.tooltip } as Partial<INodeInputSlot>);
    }
    info.output.forEach((type, i) => this.addOutput(info.output_name?.[i] ?? typeOf(type), typeOf(type)));
    const fields = this.inputsKnown.filter((i) => i.kind !== "socket");
    const folded = fields.length > MOST_FIELDS ? fields.filter((i) => !i.required) : [];
    const add = (field: Field): void => void this.addCustomWidget(field as never);
    for (const input of fields.filter((i) => !folded.includes(i))) this.addField(input, add);
    if (folded.length > 0) {
      add(new MoreField(folded.length, stage, (node) => node.unfold(!node.showAdvanced)));
      for (const input of folded) {
        this.addField(input, (field) => {
          field.advanced = field.hidden = true;
          add(field);
        });
      }
    }
    for (const input of fields.filter((i) => !i.socketless)) {
      const slot = this.addInput(input.name, input.type, { widget: { name: input.name } } as Partial<INodeInputSlot>);
      slot.widget = { name: input.name };
    }
    const role = roleOf(info);
    if (role) add(new PictureField(role, stage));
  }

  private addField(input: Input, add: (field: Field) => void): void {
    const { stage } = this;
    switch (input.kind) {
      case "int":
      case "float":
        add(new NumberField(input, input.fallback, stage));
        if (input.control) add(new ControlField(controlName(input.name), "randomize", stage));
        break;
      case "string":
        add(new (input.multiline ? ParagraphField : TextField)(input, input.fallback, stage));
        break;
      case "combo":
        add(new ComboField(input, input.fallback, stage));
        break;
      case "boolean":
        add(new ToggleField(input, input.fallback, stage));
        break;
    }
  }

  /** Shows or hides the folded fields. */
  unfold(open: boolean): void {
    const before = this.computeSize()[1];
    this.reveal(open);
    // Room that somebody gave the node stays with it.
    this.setSize([this.size[0], this.size[1] + this.computeSize()[1] - before]);
    this.stage.redraw();
    this.stage.changed();
  }

  private reveal(open: boolean): void {
    const folded = this.fields.filter((f) => f.advanced);
    if (folded.length > 0) this.showAdvanced = open;
    for (const f of folded) f.hidden = !open;
  }

  /** Takes what a file says by name: its order of sockets and fields is that of another version of the node, perhaps. */
  override configure(data: Parameters<LGraphNode["configure"]>[0]): void {
    const saved = data as unknown as SavedNode;
    const { inputs, outputs, widgets_values: _, ...rest } = saved;
    super.configure(rest as never);
    for (const input of inputs ?? []) {
      if (input.link === null || input.link === undefined) continue;
      const slot = this.inputs.findIndex((i) => i.name === input.name);
      const link = this.graph?._links.get(input.link);
      if (!link) continue;
      if (slot < 0) {
        // The input is no more: its link goes with it.
        this.graph?._links.delete(input.link);
        const from = this.graph?.getNodeById(link.origin_id)?.outputs[link.origin_slot];
        if (from?.links) from.links = from.links.filter((l) => l !== input.link);
        continue;
      }
      this.inputs[slot]!.link = input.link;
      link.target_slot = slot;
    }
    (outputs ?? []).forEach((output, slot) => {
      const here = this.outputs[slot];
      const links = (output.links ?? []).filter((l) => this.graph?._links.has(l));
      if (here && links.length > 0) here.links = links;
    });
    for (const [name, value] of widgetValues(saved, this.inputsKnown)) this.setField(name, typeof value === "bigint" ? String(value) : value);
    for (const [name, value] of controlValues(saved, this.inputsKnown)) this.setField(name, value);
    this.reveal(!!this.showAdvanced || this.fields.some((f) => f.advanced && this.changedFromDefault(f)));
    const least = this.computeSize();
    this.setSize([Math.max(this.size[0], least[0]), Math.max(this.size[1], least[1])]);
  }

  private setField(name: string, value: unknown): void {
    const field = this.field(name);
    const known = this.inputsKnown.find((i) => i.name === name);
    if (!field || value === null || value === undefined) return;
    if (known?.kind === "int" || known?.kind === "float") field.value = typeof value === "string" || typeof value === "number" ? value : Number(value);
    else field.value = typeof value === "object" ? JSON.stringify(value) : (value as string | boolean);
  }

  private changedFromDefault(field: Field): boolean {
    const input = this.inputsKnown.find((i) => i.name === field.name);
    return input !== undefined && field.value !== input.fallback;
  }

  override computeSize(out?: Float32Array): [number, number] & Float32Array {
    const size = super.computeSize(out as never) as unknown as Float32Array;
    size[0] = widthOf(this.info, this.inputsKnown ?? inputsOf(this.info));
    return size as never;
  }

  override get renderingBgColor(): string {
    if (this.mode === MUTED) return palette.canvas;
    return this.mode === BYPASSED ? palette.bypassed : (this.bgcolor ?? palette.node);
  }

  override get renderingColor(): string {
    return this.color ?? palette.title;
  }

  override getTitle(): string {
    const title = super.getTitle();
    return this.mode === MUTED ? `${title} (muted)` : this.mode === BYPASSED ? `${title} (bypassed)` : title;
  }

  override onConnectionsChange(type: number, slot: number): void {
    const input = type === LiteGraph.INPUT ? this.inputs[slot] : undefined;
    if (input) this.stage.linked(this, input.name);
  }

  override drawTitleBarBackground(ctx: CanvasRenderingContext2D): void {
    paintTitle(ctx, this, this.stage);
  }

  // All of this is part of paintTitle.
  override drawTitleBox(): void {}
  override drawTitleText(): void {}
  override drawProgressBar(): void {}
}

/** Widths that go well together, whatever titles say; seeds have twenty digits. */
function widthOf(info: NodeInfo, inputs: Input[]): number {
  // Behind the title there is the time that the node took.
  const title = Math.min(260, 88 + info.display_name.length * 7.6);
  if (inputs.some((i) => (i.multiline && i.required) || i.control) || info.name === "ISACGuidance") return 250;
  if (inputs.some((i) => i.kind !== "socket")) return Math.max(title, 210, ...inputs.map((i) => Math.min(300, 110 + i.name.length * 6)));
  return Math.max(title, ...inputs.map((i, slot) => 60 + 7 * (i.name.length + String(info.output[slot] ?? "").length)));
}

/** What a node shows of a run. */
function roleOf(info: NodeInfo): Role | undefined {
  if (info.name === "ISACGuidance") return "guidance";
  const inputs = inputsOf(info);
  if (info.output_node) return inputs.some((i) => i.type === "IMAGE") ? "result" : "text";
  return info.category.split("/")[0] === "sampling" && inputs.some((i) => i.name === "steps") ? "sampler" : undefined;
}

/** Makes the classes of all nodes known to the canvas library; those that are gone are forgotten. */
export function registerNodes(infos: Record<string, NodeInfo>, stage: Stage): void {
  for (const type of Object.keys(LiteGraph.registered_node_types)) if (!(type in infos)) LiteGraph.unregisterNodeType(type);
  for (const [type, info] of Object.entries(infos)) {
    const Class = class extends GraphNode {
      static override info = info;
      static override stage = stage;
      static override title = info.display_name || info.name;
      static override category = info.category;
    };
    LiteGraph.registerNodeType(type, Class as never);
  }
}
