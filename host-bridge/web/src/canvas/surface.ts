// The canvas library's canvas with our ways: finding nodes, menus and keys are the page's.

import { type IContextMenuValue, LGraphCanvas, type LGraphGroup, type LGraphNode, LiteGraph } from "@comfyorg/litegraph";
import { FONT, palette, typeColour } from "./palette";
import type { GraphNode } from "./node";

/** A slot that a new node shall be connected to. */
export interface Wish {
  node: LGraphNode;
  slot: number;
  /** "output": the slot is an output, and wants a node with a fitting input. */
  side: "input" | "output";
  type: string;
}

/** What the page does for the canvas. */
export interface SurfaceHost {
  find(e: MouseEvent, wish?: Wish): void;
  renameNode(node: LGraphNode): void;
  renameGroup(group: LGraphGroup): void;
  nodeMenu(node: GraphNode): MenuItem[];
  canvasMenu(e: MouseEvent): MenuItem[];
}

export type MenuItem = { label: string; run(): void; disabled?: boolean } | null;

const LINK_WIDTH = 2.5;

type ConnectionOptions = Parameters<LGraphCanvas["showConnectionMenu"]>[0];

export class Surface extends LGraphCanvas {
  declare host: SurfaceHost;
  private menuEvent: MouseEvent | undefined;

  override showSearchBox(event: MouseEvent): HTMLDivElement {
    this.host.find(event);
    return document.createElement("div");
  }

  /** A link was let go over nothing. */
  override showConnectionMenu(options: ConnectionOptions): undefined {
    const { nodeFrom, slotFrom, nodeTo, slotTo, e } = options;
    const node = (nodeFrom ?? nodeTo) as LGraphNode | undefined;
    const slot = (nodeFrom ? slotFrom : slotTo) as { type?: unknown } | undefined;
    if (!node || !slot || !e) return;
    const side = nodeFrom ? "output" : "input";
    const slots = (side === "output" ? node.outputs : node.inputs) as unknown[];
    const at = slots.findIndex((s) => s === slot || (s as { name: string }).name === (slot as { name: string }).name);
    this.host.find(e as unknown as MouseEvent, { node, slot: at, side, type: String(slot.type) });
  }

  override processContextMenu(node: LGraphNode | undefined, e: Parameters<LGraphCanvas["processContextMenu"]>[1]): void {
    this.menuEvent = e as unknown as MouseEvent;
    const group = node ? undefined : this.graph?.getGroupOnPos(e.canvasX, e.canvasY);
    if (group) {
      this.openMenu(e as unknown as MouseEvent, [
        { label: "Rename group", run: () => this.host.renameGroup(group) },
        { label: "Fit group to its nodes", run: () => void (group.recomputeInsideNodes(), group.resizeTo(group.children, 14), this.setDirty(true, true)) },
        { label: "Remove group", run: () => this.graph?.remove(group) },
      ]);
      return;
    }
    this.openMenu(this.menuEvent, node ? this.host.nodeMenu(node as GraphNode) : this.host.canvasMenu(this.menuEvent));
  }

  private openMenu(e: MouseEvent, items: MenuItem[]): void {
    const values = items.map((i) => i && ({ content: i.label, disabled: i.disabled ?? false, callback: () => i.run() } as IContextMenuValue<string>));
    new LiteGraph.ContextMenu(values as never, { event: e as never });
  }

  override showLinkMenu(segment: Parameters<LGraphCanvas["showLinkMenu"]>[0], e: Parameters<LGraphCanvas["showLinkMenu"]>[1]): boolean {
    this.openMenu(e as unknown as MouseEvent, [
      { label: "Remove link", run: () => this.graph?.removeLink(segment.id as never) },
      { label: "Add a bend", run: () => void (segment._pos && this.graph?.createReroute([segment._pos[0]!, segment._pos[1]!], segment as never)) },
    ]);
    return false;
  }

  /** Keys are the page's (keys.ts); here only what has to do with the pointer: the space bar pans, Escape lets a link go. */
  override processKey(e: KeyboardEvent): void {
    const target = e.target as HTMLElement | null;
    if (e.key === " " && target?.tagName === "CANVAS") super.processKey(e);
    if (e.key === " " && e.type === "keyup" && this.read_only) super.processKey(e);
    if (e.key === "Escape" && this.linkConnector.isConnecting) super.processKey(e);
  }

  override processNodeDblClicked(node: LGraphNode): void {
    if (this.graph_mouse[1]! < node.pos[1]) this.host.renameNode(node);
  }

  /** Links of selected nodes are thicker; the library would make them white, which is not seen on a light canvas. */
  override renderLink(...args: Parameters<LGraphCanvas["renderLink"]>): void {
    const link = args[3];
    const lit = link !== null && this.highlighted_links[link.id] === true;
    const highlighted = this.highlighted_links;
    this.highlighted_links = {};
    this.connections_width = lit ? 4.5 : LINK_WIDTH;
    super.renderLink(...args);
    this.connections_width = LINK_WIDTH;
    this.highlighted_links = highlighted;
  }

  override resize(): void {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = this.bgcanvas.width = width;
    this.canvas.height = this.bgcanvas.height = height;
    // Chrome shows one empty frame otherwise.
    this.draw(true, true);
  }
}

/** Gives the library the colours of the palette in use. */
export function dress(surface: Surface, types: Iterable<string>): void {
  LiteGraph.NODE_TITLE_HEIGHT = 30;
  LiteGraph.NODE_TITLE_TEXT_Y = 20;
  LiteGraph.NODE_SLOT_HEIGHT = 22;
  LiteGraph.NODE_WIDGET_HEIGHT = 24;
  LiteGraph.NODE_TEXT_SIZE = 13;
  LiteGraph.NODE_SUBTEXT_SIZE = 12;
  LiteGraph.ROUND_RADIUS = 9;
  LiteGraph.NODE_FONT = LiteGraph.DEFAULT_FONT = LiteGraph.GROUP_FONT = FONT;
  LiteGraph.DEFAULT_GROUP_FONT = 18;
  LiteGraph.DEFAULT_GROUP_FONT_SIZE = 18;
  LiteGraph.NODE_TITLE_COLOR = LiteGraph.NODE_SELECTED_TITLE_COLOR = palette.text;
  LiteGraph.NODE_TEXT_COLOR = palette.muted;
  LiteGraph.NODE_TEXT_HIGHLIGHT_COLOR = palette.text;
  LiteGraph.NODE_DEFAULT_COLOR = palette.title;
  LiteGraph.NODE_DEFAULT_BGCOLOR = palette.node;
  LiteGraph.NODE_DEFAULT_BOXCOLOR = palette.faint;
  LiteGraph.NODE_BOX_OUTLINE_COLOR = palette.accent;
  LiteGraph.NODE_ERROR_COLOUR = palette.error;
  LiteGraph.DEFAULT_SHADOW_COLOR = palette.shadow;
  LiteGraph.LINK_COLOR = palette.muted;
  LiteGraph.CONNECTING_LINK_COLOR = palette.accent;
  LiteGraph.context_menu_scaling = false;
  LiteGraph.alt_drag_do_clone_nodes = true;
  LiteGraph.release_link_on_empty_shows_menu = true;
  LiteGraph.middle_click_slot_add_default_node = false;
  LiteGraph.ctrl_shift_v_paste_connect_unselected_outputs = true;
  LiteGraph.truncateWidgetTextEvenly = false;
  surface.clear_background_color = palette.canvas;
  surface.background_image = "";
  surface.node_title_color = palette.text;
  surface.default_link_color = palette.muted;
  surface.render_connections_border = false;
  surface.render_canvas_border = false;
  surface.connections_width = LINK_WIDTH;
  surface.low_quality_zoom_threshold = 0.35;
  surface.links_render_mode = LiteGraph.SPLINE_LINK;
  surface.show_info = false;
  surface.multi_select = false;
  surface.ds.max_scale = 4;
  surface.ds.min_scale = 0.08;
  surface.allow_reconnect_links = true;
  for (const type of types) {
    LGraphCanvas.link_type_colors[type] = typeColour(type);
    surface.default_connection_color_byType[type] = typeColour(type);
  }
  surface.default_connection_color.input_on = surface.default_connection_color.output_on = palette.muted;
  surface.default_connection_color.input_off = surface.default_connection_color.output_off = palette.muted;
  surface.setDirty(true, true);
}

/** A grid of dots that helps to see how far one has panned; it thins out when seen from afar. */
export function paintDots(ctx: CanvasRenderingContext2D, area: ArrayLike<number>, scale: number): void {
  const step = scale > 0.7 ? 24 : scale > 0.3 ? 48 : 0;
  if (step === 0) return;
  const size = 1.6 / Math.max(0.7, Math.min(scale, 1.4));
  ctx.fillStyle = palette.dot;
  const right = area[0]! + area[2]!;
  const bottom = area[1]! + area[3]!;
  for (let x = Math.floor(area[0]! / step) * step; x < right; x += step) {
    for (let y = Math.floor(area[1]! / step) * step; y < bottom; y += step) ctx.fillRect(x, y, size, size);
  }
}
