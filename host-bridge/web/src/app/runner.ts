// Running the workflow.

import { createUuidv4 } from "@comfyorg/litegraph";
import type { Client } from "../api/client";
import type { Board } from "../canvas/board";
import type { Runs } from "../run/runs";
import type { Journal } from "./journal";
import { type Mistakes, OFFLINE } from "./mistakes";

export class Runner {
  private queueing = false;

  constructor(
    private readonly client: Client, private readonly board: Board, private readonly runs: Runs,
    private readonly mistakes: Mistakes, private readonly journal: Journal, private readonly refused: () => void,
  ) {
    runs.changed.on((run) => {
      // Reports of a workflow that is no longer open would mark the wrong nodes.
      if (run.phase === "error" && run.error && run === runs.shown && run.began > 0 && this.current.has(run.id)) {
        this.current.delete(run.id);
        mistakes.failed(run.error);
        refused();
      }
    });
  }

  /** Prompts of the workflow that is open. */
  private readonly current = new Set<string>();

  /** Another workflow was opened. */
  forget(): void {
    this.current.clear();
    this.runs.shown = undefined;
    this.mistakes.clear();
  }

  /** Puts the workflow on the queue, so often; seeds go on between. */
  async queue(count: number, front = false): Promise<void> {
    if (this.queueing) return;
    this.queueing = true;
    this.mistakes.clear();
    this.journal.note();
    try {
      for (let i = 0; i < count; i++) if (!(await this.one(front))) break;
    } finally {
      this.queueing = false;
    }
    void this.runs.refresh();
  }

  private async one(front: boolean): Promise<boolean> {
    const saved = this.board.saved();
    const workflow = this.board.drawn();
    // The id is ours, so that no message of the run comes before we know it.
    const id = createUuidv4();
    const run = this.runs.add(id, workflow);
    run.accepted = false;
    this.current.add(id);
    try {
      const answer = await this.client.prompt(id, workflow, saved, front);
      if (answer.error || Object.keys(answer.node_errors ?? {}).length > 0) {
        this.mistakes.answer(answer);
        this.refused();
      }
      if (answer.error) {
        this.drop(id);
        return false;
      }
      run.accepted = true;
      this.board.advanceSeeds();
      return true;
    } catch (error) {
      this.drop(id);
      // What fetch throws where nobody answers.
      const offline = error instanceof TypeError;
      this.mistakes.general(offline ? "The server does not answer. Is isac-host running?" : (error as Error).message, offline ? OFFLINE : undefined);
      this.refused();
      return false;
    }
  }

  private drop(id: string): void {
    this.runs.drop(id);
    this.current.delete(id);
  }
}
