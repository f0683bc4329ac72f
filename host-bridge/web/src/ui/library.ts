// The panel of all nodes, by category. Nodes are dragged from here onto the canvas, or into a link.

import type { NodeInfo, NodeInfos } from "../model/nodeinfo";
import { inputsOf } from "../model/nodeinfo";
import { categoryColour, typeColour } from "../canvas/palette";
import { fill, h, icon } from "./dom";
import { search } from "./search";

export interface LibraryHost {
  /** A node was let go over a point of the window. */
  drop(type: string, x: number, y: number): void;
  /** A node is over a point of the window; undefined when it no longer is. */
  hover(type: string, at: { x: number; y: number } | undefined): void;
  /** A node was clicked or chosen with the keyboard. */
  choose(type: string): void;
}

export class Library {
  readonly element: HTMLElement;
  private readonly list = h("div", { class: "library-list", role: "tree", "aria-label": "Nodes by category" });
  private readonly input: HTMLInputElement;
  private readonly card = h("div", { class: "node-card", hidden: true });
  private readonly closed = new Set<string>();
  private infos: NodeInfos = {};

  constructor(private readonly host: LibraryHost) {
    this.input = h("input", { type: "search", placeholder: "Search nodes", "aria-label": "Search nodes", autocomplete: "off", spellcheck: false, oninput: () => this.paint() });
    this.element = h("aside", { class: "library", "aria-label": "Node library" },
      h("div", { class: "library-search" }, icon("search"), this.input), this.list,
      h("p", { class: "library-hint" }, "Drag a node onto the canvas, or onto a link to put it between."));
    document.body.append(this.card);
    this.input.addEventListener("keydown", (e) => {
      if (e.key === "Enter") (this.list.querySelector(".library-item") as HTMLElement | null)?.click();
      if (e.key === "Escape") {
        this.input.value = "";
        this.paint();
      }
    });
  }

  show(infos: NodeInfos): void {
    this.infos = infos;
    this.paint();
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  private paint(): void {
    // The item that it explains goes away without the pointer leaving it.
    this.card.hidden = true;
    const searching = this.input.value.trim() !== "";
    const found = search(this.infos, this.input.value);
    if (found.length === 0) return fill(this.list, h("p", { class: "empty" }, searching ? "No node fits." : "The server offers no nodes."));
    if (searching) return fill(this.list, ...found.map((info) => this.item(info, true)));
    const groups = new Map<string, NodeInfo[]>();
    for (const info of found) {
      const category = info.category || "other";
      groups.set(category, [...(groups.get(category) ?? []), info]);
    }
    // Ours first: it is what people come for.
    const order = [...groups].sort(([a], [b]) => Number(b === "isac") - Number(a === "isac") || Number(a === "utils") - Number(b === "utils") || a.localeCompare(b));
    fill(this.list, ...order.map(([category, infos]) => this.section(category, infos)));
  }

  private section(category: string, infos: NodeInfo[]): HTMLElement {
    const open = !this.closed.has(category);
    const toggle = (): void => {
      if (open) this.closed.add(category);
      else this.closed.delete(category);
      this.paint();
    };
    return h("section", { class: "library-section" },
      h("button", { class: "library-head", type: "button", "aria-expanded": String(open), onclick: toggle },
        h("i", { class: "stripe", style: `background:${categoryColour(category)}` }), category.replaceAll("/", " › "), h("span", { class: "count" }, String(infos.length))),
      open && h("div", { role: "group" }, infos.map((info) => this.item(info, false))));
  }

  private item(info: NodeInfo, withCategory: boolean): HTMLElement {
    const item = h("button", {
      class: "library-item", type: "button", role: "treeitem", "data-type": info.name,
      onpointerdown: (e: PointerEvent) => this.grab(e, info, item),
      onkeydown: (e: KeyboardEvent) => this.move(e, item),
      onclick: (e: MouseEvent) => e.detail === 0 && this.host.choose(info.name),
      onpointerenter: () => this.explain(info, item), onpointerleave: () => (this.card.hidden = true),
      onfocus: () => this.explain(info, item), onblur: () => (this.card.hidden = true),
    }, h("span", {}, info.display_name), withCategory && h("small", {}, info.category));
    return item;
  }

  private move(e: KeyboardEvent, item: HTMLElement): void {
    if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
    const all = [...this.list.querySelectorAll<HTMLElement>(".library-item, .library-head")];
    all[all.indexOf(item) + (e.key === "ArrowDown" ? 1 : -1)]?.focus();
    e.preventDefault();
  }

  /** Follows the pointer with a picture of the node until it is let go; without a move it is a click. */
  private grab(e: PointerEvent, info: NodeInfo, item: HTMLElement): void {
    if (e.button !== 0) return;
    const start = { x: e.clientX, y: e.clientY };
    let ghost: HTMLElement | undefined;
    const move = (m: PointerEvent): void => {
      if (!ghost && Math.hypot(m.clientX - start.x, m.clientY - start.y) < 5) return;
      this.card.hidden = true;
      ghost ??= document.body.appendChild(ghostOf(info));
      ghost.style.transform = `translate(${m.clientX}px, ${m.clientY}px)`;
      this.host.hover(info.name, { x: m.clientX, y: m.clientY });
    };
    const end = (u: PointerEvent): void => {
      item.removeEventListener("pointermove", move);
      item.removeEventListener("pointerup", end);
      item.removeEventListener("pointercancel", end);
      ghost?.remove();
      if (u.type === "pointerup") {
        if (ghost) this.host.drop(info.name, u.clientX, u.clientY);
        else this.host.choose(info.name);
      }
      this.host.hover(info.name, undefined);
    };
    item.setPointerCapture(e.pointerId);
    item.addEventListener("pointermove", move);
    item.addEventListener("pointerup", end);
    item.addEventListener("pointercancel", end);
  }

  /** A card beside the list that tells what the node is for. */
  private explain(info: NodeInfo, item: HTMLElement): void {
    const sockets = inputsOf(info).filter((i) => i.kind === "socket");
    const slot = (name: string, type: string): HTMLElement => h("li", {}, h("i", { class: "type-dot", style: `background:${typeColour(type)}` }), name);
    fill(this.card, h("strong", {}, info.display_name), h("p", {}, info.description || "No description."),
      h("div", { class: "node-card-slots" }, h("ul", {}, sockets.map((i) => slot(i.name, i.type))), h("ul", { class: "out" }, info.output.map((o, i) => slot(info.output_name?.[i] ?? String(o), String(o))))));
    this.card.hidden = false;
    const box = item.getBoundingClientRect();
    this.card.style.left = `${this.element.getBoundingClientRect().right + 8}px`;
    this.card.style.top = `${Math.max(56, Math.min(box.top - 8, innerHeight - this.card.offsetHeight - 8))}px`;
  }
}

function ghostOf(info: NodeInfo): HTMLElement {
  return h("div", { class: "ghost" }, h("i", { style: `background:${categoryColour(info.category)}` }), info.display_name);
}
