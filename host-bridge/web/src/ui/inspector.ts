// The selected node in HTML: every field with its label, its tooltip and all of its text, for eyes, keyboards and screen readers
// that a canvas does not serve.

import { ComboField, ToggleField } from "../canvas/choicefield";
import type { Field } from "../canvas/field";
import { RowField } from "../canvas/field";
import type { GraphNode } from "../canvas/node";
import { NumberField } from "../canvas/numberfield";
import { sentence } from "../canvas/nodeart";
import { typeColour } from "../canvas/palette";
import { fill, h } from "./dom";

export interface InspectorHost {
  changed(node: GraphNode): void;
  rename(node: GraphNode, title: string): void;
}

export class Inspector {
  readonly element = h("div", { class: "inspector" });
  private node: GraphNode | undefined;

  constructor(private readonly host: InspectorHost) {}

  show(nodes: GraphNode[]): void {
    this.node = nodes.length === 1 ? nodes[0] : undefined;
    if (this.node) this.paint(this.node);
    else fill(this.element, h("p", { class: "empty" }, nodes.length > 1 ? `${nodes.length} nodes are selected.` : "Select a node to see all of it."));
  }

  /** Paints again what is shown, unless somebody is typing into it. */
  refresh(): void {
    if (this.node && !this.element.contains(document.activeElement)) this.show(this.node.graph ? [this.node] : []);
  }

  private paint(node: GraphNode): void {
    const title = h("input", { class: "inspector-title", value: node.title, "aria-label": "Title", onchange: () => this.host.rename(node, title.value) });
    const mistakes = node.stage.mistakes(node);
    const rows = node.fields.filter((f): f is RowField => f instanceof RowField).map((f) => this.row(node, f));
    const sockets = node.inputs.filter((i) => !i.widget);
    fill(this.element,
      title, h("p", { class: "inspector-about" }, h("code", {}, node.info.name), " · ", node.info.category),
      h("p", { class: "inspector-description" }, node.info.description),
      mistakes.length > 0 && h("ul", { class: "inspector-mistakes" }, mistakes.map((m) => h("li", {}, sentence(m)))),
      h("div", { class: "inspector-fields" }, rows),
      sockets.length > 0 && h("h3", {}, "Inputs"),
      h("ul", { class: "slots" }, sockets.map((s) => h("li", {}, h("i", { class: "type-dot", style: `background:${typeColour(String(s.type))}` }), h("span", {}, s.name), h("small", {}, source(node, s.link))))));
  }

  /** Paints again, and goes back to the control that was used. */
  private repaint(node: GraphNode, id: string): void {
    this.paint(node);
    document.getElementById(id)?.focus();
  }

  private row(node: GraphNode, field: RowField): HTMLElement {
    const id = `field-${field.name}`;
    const input = this.control(node, field, id);
    input.disabled = !!field.computedDisabled;
    return h("div", { class: `field${field instanceof ToggleField ? " inline" : ""}` },
      h("label", { for: id }, field.displayName), input,
      field.input.tooltip && h("small", {}, field.computedDisabled ? "Comes through a link." : field.input.tooltip));
  }

  private control(node: GraphNode, field: RowField, id: string): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
    const set = (value: Field["value"]): void => {
      field.value = value;
      field.stage.fieldChanged(node, field, value);
      this.host.changed(node);
    };
    if (field instanceof ToggleField) {
      const box = h("input", { id, type: "checkbox", checked: field.value === true, onchange: () => set(box.checked) });
      return box;
    }
    if (field instanceof ComboField) {
      const choices = field.input.choices.includes(String(field.value)) ? field.input.choices : [String(field.value), ...field.input.choices];
      const own = (c: string): string => (c === field.input.fallback && field.leftTo(node) ? `${c} (${field.leftTo(node)})` : c);
      const select = h("select", { id, onchange: () => {
        set(select.value);
        // What is left to the preset changes with it.
        if (field.name === "preset" || field.name === "method") this.repaint(node, id);
      } }, choices.map((c) => h("option", { value: c, selected: c === field.value }, own(c))));
      return select;
    }
    if (field instanceof NumberField) {
      const written = (): string => (field.leftTo(node) === undefined ? field.text(node) : "");
      const input = h("input", { id, type: "text", inputMode: "decimal", value: written(), placeholder: field.leftTo(node) === undefined ? "" : field.text(node), onchange: () => {
        field.enter(node, input.value);
        input.value = written();
        input.placeholder = field.leftTo(node) === undefined ? "" : field.text(node);
        this.host.changed(node);
      } });
      return input;
    }
    if (field.input.multiline) {
      const area = h("textarea", { id, rows: 4, value: String(field.value), placeholder: field.input.placeholder, oninput: () => set(area.value) });
      return area;
    }
    const text = h("input", { id, type: "text", value: String(field.value), placeholder: field.input.placeholder, oninput: () => set(text.value) });
    return text;
  }
}

function source(node: GraphNode, link: number | null): string {
  const from = link === null ? undefined : node.graph?._links.get(link);
  const origin = from && node.graph?.getNodeById(from.origin_id);
  return origin ? `from ${origin.getTitle()}` : "not connected";
}
