// The panel on the right: the run and its results, the selected node, the queue.

import type { Client } from "../api/client";
import type { Mistakes } from "../app/mistakes";
import type { GraphNode } from "../canvas/node";
import type { Picture, Run } from "../run/run";
import type { Runs } from "../run/runs";
import { fill, h } from "./dom";
import { Gallery } from "./gallery";
import { GuidancePanel } from "./guidance";
import { Inspector } from "./inspector";
import { Problems } from "./problems";
import { QueuePanel } from "./queuepanel";
import { toast } from "./toast";

export interface SidebarHost {
  client: Client;
  runs: Runs;
  mistakes: Mistakes;
  title(run: Run | undefined, node: string): string;
  jump(node: string): void;
  view(picture: Picture): void;
  openRun(id: string): void;
  masks(): boolean;
  /** A finished picture of a sampler, once it is there. */
  result(run: Run, sampler: string, image: number): HTMLImageElement | undefined;
  toggleMasks(): void;
  fieldsChanged(): void;
  rename(node: GraphNode, title: string): void;
}

type Tab = "run" | "node" | "queue";
const TITLES: Record<Tab, string> = { run: "Run", node: "Node", queue: "Queue" };

export class Sidebar {
  readonly element: HTMLElement;
  private readonly tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Panel" });
  private readonly body = h("div", { class: "tab-body", role: "tabpanel" });
  private readonly guidance: GuidancePanel;
  private readonly gallery: Gallery;
  private readonly queue: QueuePanel;
  private readonly inspector: Inspector;
  private readonly problems: Problems;
  private tab: Tab = "run";
  private waiting = 0;

  constructor(private readonly host: SidebarHost) {
    const { runs, client, mistakes } = host;
    this.guidance = new GuidancePanel((node) => host.title(runs.shown, node), host.masks, host.toggleMasks, host.result);
    this.gallery = new Gallery(client, runs, host.title, host.view);
    this.queue = new QueuePanel(client, runs, host.openRun, (error) => toast((error as Error).message, "error"));
    this.inspector = new Inspector({ changed: host.fieldsChanged, rename: host.rename });
    this.problems = new Problems(mistakes, (node) => host.title(undefined, node), host.jump);
    this.element = h("aside", { class: "panel", "aria-label": "Run, node and queue" }, this.tabs, this.body);
    this.tabs.addEventListener("keydown", (e) => {
      const order: Tab[] = ["run", "node", "queue"];
      const by = e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0;
      if (by === 0) return;
      this.open(order[(order.indexOf(this.tab) + by + 3) % 3]!);
      this.tabs.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
    });
    this.inspector.show([]);
    this.open("run");
  }

  open(tab: Tab): void {
    this.tab = tab;
    this.element.hidden = false;
    const content = { run: [this.problems.element, this.guidance.element, this.gallery.element], node: [this.problems.element, this.inspector.element], queue: [this.queue.element] };
    fill(this.body, ...content[tab]);
    this.paintTabs();
    this.paint();
  }

  private paintTabs(): void {
    const count = this.host.runs.running.length + this.host.runs.pending.length;
    fill(this.tabs, ...(Object.keys(TITLES) as Tab[]).map((t) => h("button", {
      type: "button", role: "tab", "aria-selected": String(t === this.tab), tabIndex: t === this.tab ? 0 : -1, onclick: () => this.open(t),
    }, TITLES[t], t === "queue" && count > 0 && h("span", { class: "tab-count" }, String(count)))));
  }

  select(nodes: GraphNode[]): void {
    this.inspector.show(nodes);
  }

  refreshNode(): void {
    this.inspector.refresh();
  }

  /** Paints what is seen, at most once a frame. */
  paint(): void {
    if (this.waiting !== 0) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const had = document.activeElement;
      if (!this.tabs.contains(had)) this.paintTabs();
      if (this.tab === "run") {
        this.guidance.show(this.host.runs.shown);
        this.gallery.paint();
      }
      if (this.tab === "queue") this.queue.paint();
    });
  }
}
