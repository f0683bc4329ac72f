// The workflow on the canvas.

import { LGraph, LGraphCanvas, LGraphGroup, type LGraphNode, LiteGraph } from "@comfyorg/litegraph";
import { parseExact, stringifyExact } from "../model/exact";
import { withChoices } from "../model/dynamic";
import { fromApi } from "../model/fromapi";
import { layout } from "../model/layout";
import { type NodeInfos, fits } from "../model/nodeinfo";
import { toApi } from "../model/toapi";
import { type ApiWorkflow, type Document, type Saved } from "../model/workflow";
import { nextInteger, type Control } from "../model/integer";
import { Signal } from "../signal";
import { NumberField } from "./numberfield";
import { GraphNode, registerNodes } from "./node";
import { paintMistakes } from "./nodeart";
import { font } from "./draw";
import { Frame } from "./frame";
import { palette } from "./palette";
import type { Stage } from "./stage";
import { Surface, type SurfaceHost, type Wish, dress, paintDots } from "./surface";
import { View, boundsOf } from "./view";
import { VIRTUAL } from "./virtual";

interface CanvasDetail {
  subType: string;
  originalEvent?: MouseEvent;
  group?: LGraphGroup;
}

export class Board {
  readonly graph = new LGraph();
  readonly surface: Surface;
  readonly view: View;
  /** Something changed that belongs to the workflow. */
  readonly changed = new Signal<void>();
  readonly selected = new Signal<GraphNode[]>();
  infos: NodeInfos = {};
  /** Called with each frame. */
  onFrame: () => void = () => {};
  /** A link that a node which is being dragged would be put into. */
  target: number | undefined;

  constructor(readonly canvas: HTMLCanvasElement, private readonly stage: Stage, host: SurfaceHost) {
    this.surface = new Surface(canvas, this.graph, { skip_render: true });
    this.surface.host = host;
    this.view = new View(this.surface);
    const measure = document.createElement("canvas").getContext("2d")!;
    LGraphCanvas._measureText = (text, style) => {
      if (style !== undefined) measure.font = style;
      return measure.measureText(text).width;
    };
    LiteGraph.saveViewportWithGraph = false;
    LiteGraph.LGraphGroup = Frame;
    // The library's own way fails at seeds beyond 2^53.
    LiteGraph.cloneObject = ((object: unknown, target?: object) => {
      const copy = object === null || object === undefined ? null : parseExact(stringifyExact(object));
      return target && copy ? Object.assign(target, copy) : copy;
    }) as typeof LiteGraph.cloneObject;
    this.surface.onDrawBackground = (ctx) => paintDots(ctx, this.surface.visible_area, this.surface.ds.scale);
    this.surface.onDrawForeground = (ctx) => this.paintAbove(ctx);
    this.surface.onSelectionChange = () => this.selected.emit(this.selection());
    this.graph.onNodeAdded = this.graph.onNodeRemoved = () => this.changed.emit();
    canvas.addEventListener("litegraph:canvas", (e) => this.hear((e as CustomEvent<CanvasDetail>).detail, host));
    new ResizeObserver(() => this.surface.resize()).observe(canvas);
    this.surface.startRendering();
  }

  private hear(detail: CanvasDetail, host: SurfaceHost): void {
    if (detail.subType === "after-change") this.changed.emit();
    if (detail.subType !== "group-double-click" || !detail.group) return;
    const e = detail.originalEvent;
    // Within its frame a group is canvas like any other.
    if (e && (e as unknown as { canvasY: number }).canvasY > detail.group.pos[1] + detail.group.titleHeight) host.find(e);
    else host.renameGroup(detail.group);
  }

  /** Makes the nodes known that the server offers. */
  define(infos: NodeInfos): void {
    this.infos = { ...VIRTUAL, ...infos };
    registerNodes(this.infos, this.stage);
    this.dress();
  }

  dress(): void {
    const types = new Set(["COMBO"]);
    for (const info of Object.values(this.infos)) {
      for (const t of info.output) types.add(String(t));
      for (const group of [info.input.required, info.input.optional]) {
        for (const spec of Object.values(group ?? {})) if (Array.isArray(spec) && typeof spec[0] === "string") types.add(spec[0]);
      }
    }
    dress(this.surface, types);
  }

  private paintAbove(ctx: CanvasRenderingContext2D): void {
    for (const node of this.graph._nodes) {
      const mistakes = this.stage.mistakes(node);
      if (mistakes.length > 0) paintMistakes(ctx, node, mistakes);
    }
    if (this.target !== undefined) this.paintTarget(ctx, this.target);
    if (this.empty) this.paintHint(ctx);
    this.onFrame();
  }

  private paintTarget(ctx: CanvasRenderingContext2D, id: number): void {
    const path = this.graph._links.get(id)?.path;
    if (!path) return;
    ctx.strokeStyle = palette.accent;
    ctx.lineWidth = 6;
    ctx.stroke(path);
  }

  private paintHint(ctx: CanvasRenderingContext2D): void {
    const area = this.surface.visible_area;
    ctx.font = font(15 / this.surface.ds.scale);
    ctx.textAlign = "center";
    ctx.fillStyle = palette.faint;
    ctx.fillText("Double-click to add a node, or drop a workflow or a picture here", area[0]! + area[2]! / 2, area[1]! + area[3]! / 2);
  }

  get empty(): boolean {
    return this.graph._nodes.length === 0;
  }

  nodes(): GraphNode[] {
    return this.graph._nodes.filter((n): n is GraphNode => n instanceof GraphNode);
  }

  /** A node by the id that the API calls it by. */
  node(id: string): LGraphNode | undefined {
    return this.graph._nodes.find((n) => String(n.id) === id);
  }

  selection(): GraphNode[] {
    return [...this.surface.selectedItems].filter((i): i is GraphNode => i instanceof GraphNode);
  }

  /** Classes in the workflow that the server does not offer. */
  unknown(): LGraphNode[] {
    return this.graph._nodes.filter((n) => !(n instanceof GraphNode));
  }

  // What is saved.

  saved(): Saved {
    const saved = this.graph.serialize() as unknown as Saved;
    // By number, whatever was clicked last and so lies on top: looking at a node is no change.
    saved.nodes.sort((a, b) => String(a.id).localeCompare(String(b.id), "en", { numeric: true }));
    saved.nodes.forEach((node, i) => (node.order = i));
    for (const node of saved.nodes) {
      const here = this.graph.getNodeById(node.id as number);
      if (here instanceof GraphNode) node.widgets_values = here.fields.filter((f) => f.serialize).map((f) => exactValue(f.value, f instanceof NumberField));
    }
    return saved;
  }

  api(): ApiWorkflow {
    return toApi(this.saved(), this.infos);
  }

  /** What is sent: the API's workflow with the choices in its texts drawn. */
  drawn(): ApiWorkflow {
    return withChoices(this.api(), this.infos);
  }

  load(document: Document): void {
    this.surface.deselectAll();
    if (document.kind === "editor") {
      this.graph.configure(document.workflow as never);
    } else {
      this.graph.configure(fromApi(document.workflow, this.infos) as never);
      this.arrange();
    }
    // The library's own frame for what it does not know is as thick as a node is high.
    for (const node of this.unknown()) node.strokeStyles["error"] = () => ({ color: palette.error, lineWidth: 2, padding: 1.5 });
    // Sizes are known once they were drawn.
    this.surface.draw(true, true);
    this.surface.setDirty(true, true);
  }

  clear(): void {
    this.surface.deselectAll();
    this.graph.clear();
    this.surface.setDirty(true, true);
    this.changed.emit();
  }

  /** Gives every node a place by what it is linked to. */
  arrange(): void {
    const boxes = this.graph._nodes.map((n) => {
      const least = n.computeSize();
      n.setSize([Math.max(least[0], n.size[0]), Math.max(least[1], n.size[1])]);
      return { id: String(n.id), width: n.size[0], height: n.size[1] + LiteGraph.NODE_TITLE_HEIGHT };
    });
    const edges = [...this.graph._links.values()].map((l) => ({ from: String(l.origin_id), to: String(l.target_id), slot: l.target_slot }));
    const places = layout(boxes, edges);
    for (const node of this.graph._nodes) {
      const [x, y] = places.get(String(node.id))!;
      node.pos = [x, y + LiteGraph.NODE_TITLE_HEIGHT];
    }
    for (const group of this.graph._groups) group.recomputeInsideNodes();
    this.surface.setDirty(true, true);
    this.changed.emit();
  }

  /** Puts a frame with a title round nodes. */
  group(title: string, nodes: LGraphNode[]): void {
    if (nodes.length === 0) return;
    const { left, top, right, bottom } = boundsOf(nodes);
    const group = new Frame(title);
    this.graph.add(group);
    group.pos = [left - 18, top - 48];
    group.size = [right - left + 36, bottom - top + 66];
    this.surface.setDirty(true, true);
  }

  /** Goes to a node and selects it. */
  jump(id: string): void {
    const node = this.node(id);
    if (!node) return;
    this.view.centre(node);
    this.surface.deselectAll();
    this.surface.select(node);
    this.selected.emit(this.selection());
  }

  // Changes.

  /** Adds a node with its title bar at a point, and connects it to the slot that asked for it. */
  add(type: string, at: [number, number], wish?: Wish): GraphNode | undefined {
    const node = LiteGraph.createNode(type);
    if (!(node instanceof GraphNode)) return undefined;
    node.pos = [Math.round(at[0]), Math.round(at[1])];
    this.graph.beforeChange();
    this.graph.add(node);
    if (wish?.side === "output") {
      const slot = node.inputs.findIndex((i) => fits(wish.type, String(i.type)));
      if (slot >= 0) wish.node.connect(wish.slot, node, slot);
    } else if (wish) {
      const slot = node.outputs.findIndex((o) => fits(String(o.type), wish.type));
      if (slot >= 0) node.connect(slot, wish.node, wish.slot);
      node.pos = [node.pos[0] - node.size[0], node.pos[1]];
    }
    this.graph.afterChange();
    this.surface.deselectAll();
    this.surface.select(node);
    this.selected.emit([node]);
    this.surface.setDirty(true, true);
    return node;
  }

  setMode(nodes: GraphNode[], mode: number): void {
    this.graph.beforeChange();
    for (const n of nodes) n.mode = n.mode === mode ? 0 : mode;
    this.graph.afterChange();
    this.surface.setDirty(true, true);
  }

  /** Seeds go on as their second fields say. */
  advanceSeeds(): void {
    let advanced = false;
    for (const node of this.nodes()) {
      node.fields.forEach((field, i) => {
        if (!(field instanceof NumberField) || !field.input.control || field.computedDisabled) return;
        const control = String(node.fields[i + 1]?.value ?? "fixed") as Control;
        const next = nextInteger(field.value as number | string, control, { min: field.input.bigMin, max: field.input.bigMax });
        advanced ||= next !== field.value;
        field.value = next;
      });
    }
    if (!advanced) return;
    this.surface.setDirty(true);
    this.changed.emit();
  }
}

/** Long whole numbers are kept as strings on the canvas, and written as what they are. */
function exactValue(value: unknown, number: boolean): unknown {
  return number && typeof value === "string" && /^-?\d+$/.test(value) ? BigInt(value) : value;
}
