// The results, run by run, the newest first.

import type { Client } from "../api/client";
import type { Picture, Run } from "../run/run";
import type { Runs } from "../run/runs";
import { fill, h } from "./dom";

const SHOWN = 24;

export class Gallery {
  readonly element = h("section", { class: "gallery", "aria-label": "Results" });
  private shown = SHOWN;
  private painted = "";

  constructor(private readonly client: Client, private readonly runs: Runs, private readonly title: (run: Run, node: string) => string, private readonly open: (picture: Picture) => void) {}

  paint(): void {
    const runs = this.runs.all.filter((r) => r.pictures.length > 0);
    const busy = this.runs.all.some((r) => !r.over);
    const now = runs.map((r) => `${r.id}${r.phase}${r.pictures.length}`).join() + this.shown + busy;
    if (now === this.painted) return;
    this.painted = now;
    const visible = runs.slice(0, this.shown);
    fill(this.element, ...visible.map((run) => this.card(run)),
      runs.length === 0 && h("p", { class: "empty" }, busy ? "Results appear here as soon as there are some." : "Results appear here. Press Run, or Ctrl\u00a0+\u00a0Enter."),
      runs.length > visible.length && h("button", { type: "button", class: "button wide", onclick: () => ((this.shown += SHOWN), this.paint()) }, "Show older results"));
  }

  private card(run: Run): HTMLElement {
    const nodes = [...run.outputs].filter(([, o]) => o.images?.length);
    return h("article", { class: "result" },
      h("header", {}, h("time", {}, when(run)), run.phase === "running" && h("span", { class: "badge running" }, "running")),
      h("div", { class: "figures" }, nodes.map(([node, { images }]) => h("figure", { class: images!.length === 1 ? "single" : "batch" },
        h("figcaption", { title: this.title(run, node) }, this.title(run, node)),
        h("div", { class: "thumbs" }, run.pictures.filter((p) => p.node === node).map((p) => this.thumb(run, p)))))));
  }

  private thumb(run: Run, picture: Picture): HTMLElement {
    const label = `${this.title(run, picture.node)}, picture ${picture.index + 1}`;
    return h("button", { type: "button", class: "thumb", "aria-label": label, title: picture.file.filename, onclick: () => this.open(picture) },
      h("img", { src: this.client.viewUrl(picture.file), alt: "", loading: "lazy", draggable: false }));
  }
}

/** When a run ended, in a few words. */
export function when(run: Run): string {
  if (!run.ended) return run.phase === "running" ? "now" : "earlier";
  const date = new Date(run.ended);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}
