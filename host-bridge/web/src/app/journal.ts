// What was: undo, redo, and the copy that survives closing the page.

import { parseExact, stringifyExact } from "../model/exact";
import type { Saved } from "../model/workflow";
import { Signal } from "../signal";
import { type Store, tabStore } from "./store";

const DEPTH = 100;
const KEPT = "isac.workflow";
const DIRTY = "isac.changed";

/** Where the journal gets the workflow from, and puts it back. */
export interface Journalled {
  saved(): Saved;
  restore(workflow: Saved): void;
}

export class Journal {
  readonly changed = new Signal<void>();
  private past: string[] = [];
  private future: string[] = [];
  private now = "";
  private clean = "";
  private timer = 0;
  private busy = false;
  private held = false;
  private unkept = false;

  constructor(private readonly board: Journalled, private readonly store: Store = tabStore) {}

  /** Begins anew with what is there. */
  reset(clean = true): void {
    this.past = [];
    this.future = [];
    this.now = this.write();
    this.clean = clean ? this.now : "";
    this.keep();
    this.changed.emit();
  }

  /** Looks, a moment from now, whether something changed: many changes come in bursts. */
  touch(): void {
    clearTimeout(this.timer);
    if (this.held) return;
    this.timer = setTimeout(() => this.note(), 120) as unknown as number;
  }

  /** A pointer is down: what it drags is one change, however long it takes. */
  hold(held: boolean): void {
    this.held = held;
    this.touch();
  }

  /** Notes a change if there is one. */
  note(): void {
    clearTimeout(this.timer);
    if (this.busy) return;
    const next = this.write();
    if (next === this.now) return;
    this.past.push(this.now);
    if (this.past.length > DEPTH) this.past.shift();
    this.future = [];
    this.now = next;
    this.keep();
    this.changed.emit();
  }

  /** What was saved elsewhere is no longer a change. */
  markClean(): void {
    this.note();
    this.clean = this.now;
    this.keep();
    this.changed.emit();
  }

  /** There are changes that closing the page would lose. */
  get atRisk(): boolean {
    return this.dirty && this.unkept;
  }

  get dirty(): boolean {
    return this.now !== this.clean;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  undo(): void {
    this.note();
    this.move(this.past, this.future);
  }

  redo(): void {
    this.note();
    this.move(this.future, this.past);
  }

  private move(from: string[], to: string[]): void {
    const state = from.pop();
    if (state === undefined) return;
    to.push(this.now);
    this.busy = true;
    this.board.restore(parseExact(state) as unknown as Saved);
    this.busy = false;
    // What comes back may differ in trifles, such as the order of nodes.
    this.now = this.write();
    this.keep();
    this.changed.emit();
  }

  private write(): string {
    return stringifyExact(this.board.saved());
  }

  private keep(): void {
    try {
      this.store.setItem(KEPT, this.now);
      this.store.setItem(DIRTY, this.dirty ? "yes" : "no");
      this.unkept = false;
    } catch {
      // Full or forbidden: the workflow lives in the page alone then.
      this.unkept = true;
    }
  }

  /** Whether the copy of an earlier visit had changes that were not saved. */
  get keptDirty(): boolean {
    return this.store.getItem(DIRTY) !== "no";
  }

  /** The copy of an earlier visit. */
  kept(): Saved | undefined {
    const text = this.store.getItem(KEPT);
    if (text === null) return undefined;
    try {
      const workflow = parseExact(text) as unknown as Saved;
      return Array.isArray(workflow.nodes) ? workflow : undefined;
    } catch {
      return undefined;
    }
  }
}
