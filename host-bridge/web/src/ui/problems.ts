// The list of all that is wrong; each entry goes to its node.

import { sentence } from "../canvas/nodeart";
import type { Mistakes } from "../app/mistakes";
import { fill, h, icon, iconButton } from "./dom";

export class Problems {
  readonly element = h("section", { class: "problems", hidden: true, "aria-label": "Problems", role: "alert" });

  constructor(private readonly mistakes: Mistakes, private readonly title: (node: string) => string, private readonly jump: (node: string) => void) {
    mistakes.changed.on(() => this.paint());
  }

  private paint(): void {
    const { list } = this.mistakes;
    this.element.hidden = list.length === 0;
    fill(this.element,
      h("header", { class: "panel-head" }, h("h3", {}, list.length === 1 ? "1 problem" : `${list.length} problems`), iconButton("close", "Dismiss", () => this.mistakes.clear())),
      h("ol", {}, list.map(({ node, mistake, trace }) => h("li", {},
        node === undefined
          ? h("p", { class: "problem" }, sentence(mistake))
          : h("button", { type: "button", class: "problem", "data-node": node, onclick: () => this.jump(node) }, h("strong", {}, this.title(node)), sentence(mistake), icon("right")),
        trace && h("details", {}, h("summary", {}, "Where it happened"), h("pre", {}, trace))))));
  }
}
