// The box that a double click on the canvas opens: type, choose, and the node is there.

import { type NodeInfo, type NodeInfos, fits, inputsOf } from "../model/nodeinfo";
import type { Wish } from "../canvas/surface";
import { typeColour } from "../canvas/palette";
import { h } from "./dom";
import { search } from "./search";

const MOST = 60;

export class Finder {
  private box: HTMLElement | undefined;

  constructor(private readonly layer: HTMLElement, private readonly infos: () => NodeInfos, private readonly add: (type: string, x: number, y: number, wish?: Wish) => void) {}

  close(): void {
    const { box } = this;
    // Removing it takes the focus away, which closes it again.
    this.box = undefined;
    box?.remove();
  }

  /** Opens at a point of the window; with a wish, only what can be connected to it is offered. */
  open(x: number, y: number, wish?: Wish): void {
    this.close();
    let found: NodeInfo[] = [];
    let active = 0;
    const input = h("input", { type: "search", class: "finder-input", placeholder: wish ? `A node for ${wish.type}` : "Find a node", "aria-label": "Find a node", autocomplete: "off", spellcheck: false });
    const list = h("div", { class: "finder-list", role: "listbox", "aria-label": "Nodes" });
    const take = (info: NodeInfo | undefined): void => {
      this.close();
      if (info) this.add(info.name, x, y, wish);
    };
    const paint = (): void => {
      list.replaceChildren(...found.slice(0, MOST).map((info, i) => h("div", {
        class: `finder-item${i === active ? " active" : ""}`, role: "option", "aria-selected": String(i === active), onclick: () => take(info),
        onpointermove: () => i !== active && ((active = i), paint()),
      }, h("span", { class: "finder-name" }, info.display_name), h("span", { class: "finder-types" }, ...outputs(info)), h("span", { class: "finder-category" }, info.category.replaceAll("/", " › ")))));
      if (found.length === 0) list.append(h("div", { class: "finder-none" }, "No node fits."));
      list.children[active]?.scrollIntoView({ block: "nearest" });
    };
    const look = (): void => {
      found = search(this.infos(), input.value, wish ? (info) => connects(info, wish) : undefined);
      active = 0;
      paint();
    };
    input.addEventListener("input", look);
    const box = h("div", { class: "finder", role: "dialog", "aria-label": "Add a node" }, input, list);
    box.addEventListener("keydown", (e) => {
      if (e.key === "ArrowDown" || e.key === "ArrowUp") {
        const count = Math.min(found.length, MOST) || 1;
        active = (active + (e.key === "ArrowDown" ? 1 : -1) + count) % count;
        paint();
      } else if (e.key === "Enter" && !e.ctrlKey) {
        take(found[active]);
      } else if (e.key === "Escape" || e.key === "Tab") {
        this.close();
      } else {
        return;
      }
      e.preventDefault();
      e.stopPropagation();
    });
    box.addEventListener("focusout", (e) => !box.contains(e.relatedTarget as Node | null) && this.box === box && this.close());
    this.box = box;
    this.layer.append(box);
    look();
    const bounds = this.layer.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(x - bounds.left - 20, bounds.width - box.offsetWidth - 8))}px`;
    box.style.top = `${Math.max(8, Math.min(y - bounds.top - 20, bounds.height - box.offsetHeight - 8))}px`;
    // Not at once: the double click that opened it would take the focus back.
    requestAnimationFrame(() => input.focus());
  }
}

function outputs(info: NodeInfo): Node[] {
  return info.output.slice(0, 4).map((t) => h("i", { class: "type-dot", style: `background:${typeColour(String(t))}`, title: String(t) }));
}

function connects(info: NodeInfo, wish: Wish): boolean {
  if (wish.side === "input") return info.output.some((o) => fits(Array.isArray(o) ? "COMBO" : String(o), wish.type));
  return inputsOf(info).some((i) => !i.socketless && fits(wish.type, i.type));
}
