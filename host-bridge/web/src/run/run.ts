// One prompt on its way: what the socket told of it.

import type { ExecutionError, FileRef, Output, Report } from "../api/types";
import { stringifyExact } from "../model/exact";
import type { ApiWorkflow } from "../model/workflow";
import { isLink } from "../model/workflow";

export type Phase = "pending" | "running" | "success" | "error" | "interrupted";

/** What became of one node. */
export interface NodeRun {
  state: "running" | "finished" | "cached" | "error";
  value: number;
  max: number;
  began: number;
  seconds?: number;
}

/** A picture of unfinished work, after so many steps. */
export interface Preview {
  step: number;
  bitmap: ImageBitmap;
}

/** A result with where it comes from. */
export interface Picture {
  run: string;
  node: string;
  /** Its place in the batch. */
  index: number;
  file: FileRef;
}

export class Run {
  phase: Phase = "pending";
  readonly nodes = new Map<string, NodeRun>();
  readonly outputs = new Map<string, Output>();
  readonly previews = new Map<string, Preview[]>();
  /** What guidance did, by sampler, in the order of arrival. */
  readonly reports = new Map<string, Report[]>();
  error: ExecutionError | undefined;
  /** The server has it; before, no look at its queue can tell whether it is gone. */
  accepted = true;
  /** The server knew nothing of it when it was asked. */
  lost = false;
  /** The node that is at work. */
  current: string | undefined;
  began = 0;
  ended = 0;

  constructor(readonly id: string, readonly workflow: ApiWorkflow) {}

  get over(): boolean {
    return this.phase !== "pending" && this.phase !== "running";
  }

  get pictures(): Picture[] {
    return [...this.outputs].flatMap(([node, output]) => (output.images ?? []).map((file, index) => ({ run: this.id, node, index, file })));
  }

  /** How much is done, 0 to 1, each node counting alike. */
  get progress(): number {
    if (this.over) return 1;
    const needed = Object.keys(this.workflow);
    let done = 0;
    for (const id of needed) {
      const node = this.nodes.get(id);
      if (node) done += node.state === "running" ? (node.max > 0 ? node.value / node.max : 0) : 1;
    }
    return needed.length > 0 ? Math.min(1, done / needed.length) : 0;
  }

  begin(id: string): NodeRun {
    const node: NodeRun = this.nodes.get(id) ?? { state: "running", value: 0, max: 1, began: performance.now() };
    this.nodes.set(id, node);
    return node;
  }

  /** The server was restarted and begins it anew. */
  reset(): void {
    this.phase = "pending";
    this.began = this.ended = 0;
    this.current = undefined;
    for (const told of [this.nodes, this.outputs, this.previews, this.reports]) told.clear();
  }

  finish(id: string, state: NodeRun["state"]): void {
    const node = this.begin(id);
    if (node.state !== "running") return;
    node.state = state;
    node.seconds = (performance.now() - node.began) / 1000;
  }

  /** The reports of one image of the batch. */
  reportsOf(sampler: string, image: number): Report[] {
    return (this.reports.get(sampler) ?? []).filter((r) => r.image === image);
  }

  /** Those of steps that were guided. */
  guided(sampler: string, image: number): Report[] {
    return this.reportsOf(sampler, image).filter((r) => !r.skipped);
  }

  /** The node that has a sampler's finished pictures, once it has. */
  resultsOf(sampler: string): string | undefined {
    return [...this.outputs.keys()].find((node) => this.outputs.get(node)?.images?.length && this.shows(node, sampler));
  }

  /** Whether a node shows a sampler's pictures, and not what was drawn of its masks. */
  private shows(node: string, sampler: string, depth = 0): boolean {
    if (depth > 20) return false;
    const before = Object.values(this.workflow[node]?.inputs ?? {}).filter(isLink).map((l) => l[0]);
    return before.some((id) => id === sampler || (this.workflow[id]?.class_type !== "ISACMasks" && this.shows(id, sampler, depth + 1)));
  }

  /** The guided sampler whose pictures a node shows, if there is one. */
  samplerBehind(node: string): string | undefined {
    return [...this.reports.keys()].find((sampler) => this.shows(node, sampler));
  }

  /** The sampler that a guidance node steers, once it has told something. */
  steered(guidance: string): string | undefined {
    const talkers = [...this.outputs].filter(([id, output]) => output.text && id !== guidance).map(([id]) => id);
    return [...this.reports.keys(), ...talkers].find((sampler) => upstream(this.workflow, sampler, (id) => id === guidance) !== undefined);
  }
}

/** All that a node's outputs depend on: alike in two workflows, they are the same work. */
export function lineage(workflow: ApiWorkflow, id: string): string {
  const node = workflow[id];
  const inputs = Object.entries(node?.inputs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return stringifyExact([node?.class_type ?? null, inputs.map(([name, value]) => [name, isLink(value) ? [lineage(workflow, value[0]), value[1]] : value])]);
}

/** What tells workflows apart that nodes were added to or taken from; values may differ. */
export function shapeOf(workflow: ApiWorkflow): string {
  return Object.entries(workflow).map(([id, node]) => `${id} ${node.class_type}`).sort().join();
}

/** The nearest node at or before a node that passes the test, along the links that carry pictures or latents first. */
export function upstream(workflow: ApiWorkflow, node: string, test: (id: string) => boolean): string | undefined {
  const seen = new Set([node]);
  for (let layer = [node]; layer.length > 0; ) {
    const found = layer.find(test);
    if (found !== undefined) return found;
    const next: string[] = [];
    for (const id of layer) {
      for (const value of Object.values(workflow[id]?.inputs ?? {})) {
        if (isLink(value) && !seen.has(value[0])) {
          seen.add(value[0]);
          next.push(value[0]);
        }
      }
    }
    layer = next;
  }
  return undefined;
}
