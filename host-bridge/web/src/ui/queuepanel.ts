// The queue and the history.

import type { Client } from "../api/client";
import type { Run } from "../run/run";
import type { Runs } from "../run/runs";
import { confirmed } from "./dialog";
import { when } from "./gallery";
import { fill, h, iconButton } from "./dom";

export class QueuePanel {
  readonly element = h("div", { class: "queue-panel" });

  constructor(private readonly client: Client, private readonly runs: Runs, private readonly openWorkflow: (run: string) => void, private readonly fail: (error: unknown) => void) {}

  paint(): void {
    const { runs } = this;
    const running = runs.running.map((i) => runs.get(i[1])).filter((r) => r !== undefined);
    const pending = runs.pending.map((i) => runs.get(i[1])).filter((r) => r !== undefined);
    const ended = runs.all.filter((r) => r.over);
    fill(this.element,
      this.section("Running", running, undefined, (r) => this.row(r, "Stop", () => this.client.interrupt(r.id))),
      this.section(`Waiting${pending.length > 0 ? ` (${pending.length})` : ""}`, pending, pending.length > 1 ? ["Clear", () => this.client.clearPending()] : undefined,
        (r, i) => this.row(r, "Remove", () => this.client.deletePending([r.id]), i + 1)),
      this.section("History", ended, ended.length > 0 ? ["Clear", () => this.forgetAll()] : undefined, (r) => this.row(r, "Forget", () => this.client.deleteHistory([r.id]))));
  }

  private section(title: string, list: Run[], clear: [string, () => Promise<void>] | undefined, row: (r: Run, i: number) => HTMLElement): HTMLElement {
    return h("section", {},
      h("header", { class: "panel-head" }, h("h3", {}, title), clear && h("button", { type: "button", class: "link", onclick: () => this.act(clear[1]) }, clear[0])),
      list.length > 0 ? h("ol", { class: "runs" }, list.map(row)) : h("p", { class: "empty small" }, "none"));
  }

  private row(run: Run, label: string, act: () => Promise<void>, place?: number): HTMLElement {
    const words = { pending: "waiting", running: "running", success: "done", error: "failed", interrupted: "stopped" };
    const first = run.pictures[0];
    return h("li", { class: `run ${run.phase}` },
      first ? h("img", { class: "run-thumb", src: this.client.viewUrl(first.file), alt: "" }) : h("span", { class: "run-thumb" }, place ? String(place) : ""),
      h("div", { class: "run-text" },
        h("span", {}, summary(run)),
        h("small", {}, h("span", { class: `badge ${run.phase}` }, words[run.phase]), run.over ? ` ${when(run)}` : run.phase === "running" ? ` ${Math.round(run.progress * 100)} %` : ""),
        run.error && h("small", { class: "run-error" }, run.error.exception_message)),
      iconButton("nodes", "Open its workflow", () => this.openWorkflow(run.id)),
      iconButton(run.phase === "running" ? "stop" : "trash", label, () => this.act(act)));
  }

  private async forgetAll(): Promise<void> {
    if (await confirmed("Forget all runs? Their pictures leave the gallery, and stay in the server's output folder.", "Forget")) await this.runs.forget();
  }

  private act(run: () => Promise<void>): void {
    run().then(() => this.runs.refresh(), this.fail);
  }
}

/** The prompt that a run was about, or what it consists of. */
export function summary(run: Run): string {
  const nodes = Object.values(run.workflow);
  const text = nodes.map((n) => n.inputs["text"]).find((t): t is string => typeof t === "string" && t.trim() !== "");
  return text ?? (nodes.length > 0 ? `${nodes.length} nodes` : run.id.slice(0, 8));
}
