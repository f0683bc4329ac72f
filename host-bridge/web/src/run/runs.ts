// All runs of this session and those that the server remembers, the newest first.

import type { Client } from "../api/client";
import type { Message, Socket } from "../api/socket";
import type { HistoryEntry, QueueItem } from "../api/types";
import type { PreviewFrame } from "../api/frames";
import { Signal } from "../signal";
import type { ApiWorkflow, Saved } from "../model/workflow";
import { found } from "./keepsake";
import { type NodeRun, type Phase, type Picture, Run, lineage, shapeOf } from "./run";

/** Runs that are remembered with previews and reports; of older ones only the pictures stay. */
const WITH_PREVIEWS = 6;
const REMEMBERED = 100;

export class Runs {
  /** Something of a run changed: a node, a step, its end. */
  readonly changed = new Signal<Run>();
  /** The queue or the history changed. */
  readonly queue = new Signal<void>();
  readonly remaining = new Signal<number>();
  pending: QueueItem[] = [];
  running: QueueItem[] = [];
  private list: Run[] = [];
  private readonly sources = new Map<string, Saved>();
  /** The run that the canvas shows: the one that began last, unless somebody looks at another. */
  shown: Run | undefined;
  /** The run that is at work for this page; previews of type 1 are its. */
  private active: Run | undefined;
  private refreshing: Promise<void> | undefined;
  private again = false;

  constructor(private readonly client: Client, socket: Socket) {
    socket.message.on((m) => this.hear(m));
    socket.preview.on((p) => void this.see(p));
    socket.state.on((connected) => connected && void this.refresh());
  }

  get all(): readonly Run[] {
    return this.list;
  }

  get(id: string): Run | undefined {
    return this.list.find((r) => r.id === id);
  }

  add(id: string, workflow: ApiWorkflow): Run {
    const known = this.get(id);
    if (known) return known;
    const run = new Run(id, workflow);
    this.list.unshift(run);
    this.list.length = Math.min(this.list.length, REMEMBERED);
    for (const old of this.list.filter((r) => r.over).slice(WITH_PREVIEWS)) {
      for (const p of [...old.previews.values()].flat()) p.bitmap.close();
      old.previews.clear();
    }
    return run;
  }

  /** The editor's workflow of a run, if the client that queued it gave one. */
  savedOf(id: string): Saved | undefined {
    return this.sources.get(id);
  }

  /** Takes back a run that the server refused. */
  drop(id: string): void {
    this.list = this.list.filter((r) => r.id !== id);
  }

  pictures(): Picture[] {
    return this.list.flatMap((r) => r.pictures);
  }

  async forget(): Promise<void> {
    await this.client.clearHistory();
    this.list = this.list.filter((r) => !r.over);
    await this.refresh();
  }

  /** Asks for the queue and the history; calls that come meanwhile are answered by one more. */
  refresh(): Promise<void> {
    if (this.refreshing) {
      this.again = true;
      return this.refreshing;
    }
    this.refreshing = this.fetch().finally(() => {
      this.refreshing = undefined;
      if (this.again) {
        this.again = false;
        void this.refresh();
      }
    });
    return this.refreshing;
  }

  private async fetch(): Promise<void> {
    const known = this.list.filter((r) => !r.over && r.accepted);
    const running = new Set(this.list.filter((r) => r.phase === "running" || r.lost).map((r) => r.id));
    try {
      // One after the other: what is no longer in the queue then is in the history.
      const queue = await this.client.queue();
      const history = await this.client.history(64);
      this.running = queue.queue_running;
      this.pending = [...queue.queue_pending].sort((a, b) => a[0] - b[0]);
      const entries = Object.entries(history).sort(([, a], [, b]) => a.prompt[0] - b.prompt[0]);
      for (const [id, entry] of entries) this.remember(id, entry);
      for (const item of this.pending) if (running.has(this.add(item[1], item[2]).id)) this.revive(item[1]);
      for (const item of this.running) {
        const run = this.add(item[1], item[2]);
        if (run.lost) this.revive(run.id);
        if (run.phase === "pending") run.phase = "running";
      }
      for (const item of [...this.running, ...this.pending, ...Object.values(history).map((e) => e.prompt)]) {
        const saved = item[3]?.extra_pnginfo?.workflow;
        if (saved) this.sources.set(item[1], saved);
      }
      const there = new Set([...[...this.running, ...this.pending].map((i) => i[1]), ...Object.keys(history)]);
      this.settle(known.filter((r) => !there.has(r.id)));
    } catch {
      return; // the server is away: the socket says so, and asks again when it is back
    }
    this.queue.emit();
  }

  private remember(id: string, entry: HistoryEntry): void {
    const run = this.get(id) ?? this.add(id, entry.prompt[2]);
    const said = new Map(entry.status.messages);
    const phase: Phase = said.has("execution_interrupted") ? "interrupted" : entry.status.status_str === "success" ? "success" : "error";
    const news = run.phase !== phase;
    run.phase = phase;
    for (const [node, output] of Object.entries(entry.outputs)) run.outputs.set(node, output);
    run.error ??= said.get("execution_error") as unknown as Run["error"];
    const stamp = (type: string): number => Number(said.get(type)?.["timestamp"] ?? 0);
    run.ended ||= stamp("execution_success") || stamp("execution_error") || stamp("execution_interrupted");
    if (news) this.changed.emit(run);
  }

  private revive(id: string): void {
    const run = this.get(id)!;
    run.lost = false;
    run.reset();
    this.changed.emit(run);
  }

  /** A run that is neither queued nor remembered was deleted; one whose end this page missed (the host restarted) has ended. */
  private settle(gone: Run[]): void {
    for (const run of gone) {
      if (run.over) continue;
      run.phase = "interrupted";
      run.lost = true;
      this.changed.emit(run);
    }
    this.list = this.list.filter((r) => !gone.includes(r) || r.began > 0);
  }

  private hear(m: Message): void {
    if (m.type === "status") {
      this.remaining.emit(m.data.status.exec_info.queue_remaining);
      void this.refresh();
      return;
    }
    const run = this.get(m.data.prompt_id);
    if (!run) return; // another page's
    if (!run.over && run.began === 0) this.start(run);
    this.apply(run, m);
    this.changed.emit(run);
  }

  private start(run: Run): void {
    this.active = this.shown = run;
    run.phase = "running";
    run.began = performance.now();
  }

  /** After a reload: shows the run that the page showed, or else the last one of the same nodes. */
  resume(workflow: ApiWorkflow): void {
    if (this.shown) return;
    const kept = found((id) => this.get(id));
    const shape = shapeOf(workflow);
    this.shown = kept ?? this.list.find((r) => r.over && shapeOf(r.workflow) === shape);
    if (!this.shown) return;
    if (kept && !kept.over && this.running.some((i) => i[1] === kept.id)) this.start(kept);
    this.changed.emit(this.shown);
  }

  private apply(run: Run, m: Exclude<Message, { type: "status" }>): void {
    switch (m.type) {
      case "execution_start":
        break; // any first message does it: this page may have been loaded in the middle of a run
      case "execution_cached":
        for (const id of m.data.nodes) {
          run.nodes.set(id, { state: "cached", value: 1, max: 1, began: performance.now() });
          this.inherit(run, id);
        }
        break;
      case "executing":
        if (m.data.node === null) break;
        if (run.current !== undefined && run.current !== m.data.node) run.finish(run.current, "finished");
        run.current = m.data.node;
        run.begin(m.data.node);
        break;
      case "progress":
        Object.assign(run.begin(m.data.node), { value: m.data.value, max: m.data.max });
        break;
      case "progress_state":
        for (const [id, state] of Object.entries(m.data.nodes)) this.progress(run, id, state);
        break;
      case "executed":
        if (m.data.output) run.outputs.set(m.data.display_node ?? m.data.node, m.data.output);
        break;
      case "isac_step": {
        const reports = run.reports.get(m.data.node) ?? [];
        reports.push(m.data.report);
        run.reports.set(m.data.node, reports);
        break;
      }
      case "execution_success":
        this.end(run, "success", "finished");
        break;
      case "execution_interrupted":
        this.end(run, "interrupted", "finished");
        break;
      case "execution_error":
        run.error = m.data;
        run.current = m.data.node_id;
        this.end(run, "error", "error");
        break;
    }
  }

  /** A node that need not run again tells nothing: what it told an earlier run still holds. */
  private inherit(run: Run, id: string): void {
    const before = this.list.filter((r) => r !== run && r.reports.has(id));
    const same = before.length > 0 ? lineage(run.workflow, id) : "";
    const reports = before.find((r) => lineage(r.workflow, id) === same)?.reports.get(id);
    if (reports) run.reports.set(id, reports);
  }

  private progress(run: Run, id: string, state: { value: number; max: number; state: string }): void {
    const node: NodeRun = run.begin(id);
    if (node.state === "cached") return;
    if (state.state === "running") Object.assign(node, { value: state.value, max: state.max });
    else run.finish(id, state.state === "error" ? "error" : "finished");
  }

  private end(run: Run, phase: Phase, last: NodeRun["state"]): void {
    if (run.current !== undefined) run.finish(run.current, last);
    run.phase = phase;
    run.current = undefined;
    run.ended = Date.now();
  }

  private async see(frame: PreviewFrame): Promise<void> {
    const run = frame.prompt ? this.get(frame.prompt) : this.active;
    const node = frame.node ?? run?.current;
    if (!run || !node) return;
    const step = run.nodes.get(node)?.value ?? 0;
    const bitmap = await createImageBitmap(new Blob([frame.bytes], { type: frame.mime }));
    const previews = run.previews.get(node) ?? [];
    previews.push({ step, bitmap });
    run.previews.set(node, previews);
    this.changed.emit(run);
  }
}
