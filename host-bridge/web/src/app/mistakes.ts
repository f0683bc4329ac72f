// What is wrong, by node.

import type { ExecutionError, Mistake, PromptAnswer } from "../api/types";
import { Signal } from "../signal";

export interface Problem {
  /** The node that it belongs to; undefined where it is the whole workflow's. */
  node: string | undefined;
  mistake: Mistake;
  /** Where it happened, for those who want to know. */
  trace?: string;
}

/** The type of the mistake that the server cannot be reached. */
export const OFFLINE = "offline";

export class Mistakes {
  readonly changed = new Signal<void>();
  list: Problem[] = [];

  clear(): void {
    if (this.list.length === 0) return;
    this.list = [];
    this.changed.emit();
  }

  of(node: string): Mistake[] {
    return this.list.filter((p) => p.node === node).map((p) => p.mistake);
  }

  /** A field was changed, or a link was made: what was said about that input no longer holds. */
  forget(node: string, input: string): void {
    const left = this.list.filter((p) => p.node !== node || p.mistake.extra_info?.input_name !== input);
    if (left.length === this.list.length) return;
    this.list = left;
    this.changed.emit();
  }

  /** Takes the server's answer to a prompt. */
  answer(answer: PromptAnswer): void {
    this.list = Object.entries(answer.node_errors ?? {}).flatMap(([node, e]) => e.errors.map((mistake) => ({ node, mistake })));
    const error = typeof answer.error === "string" ? { type: "error", message: answer.error, details: "" } : answer.error;
    if (error && this.list.length === 0) this.list.push(...about(error));
    this.changed.emit();
  }

  /** A node failed while it ran. */
  failed(e: ExecutionError): void {
    const message = e.exception_message.trim() || e.exception_type;
    this.list = [{ node: e.node_id, mistake: { type: "execution_error", message, details: "" }, trace: e.traceback.join("").trim() }];
    this.changed.emit();
  }

  general(message: string, type = "error"): void {
    this.list = [{ node: undefined, mistake: { type, message, details: "" } }];
    this.changed.emit();
  }

  /** The server is there again. */
  online(): void {
    if (this.list.some((p) => p.mistake.type === OFFLINE)) this.clear();
  }
}

/** Mistakes of the whole workflow that name nodes in their own way. */
function about(error: Mistake): Problem[] {
  const info = error.extra_info ?? {};
  const missing = Array.isArray(info["missing_nodes"]) ? (info["missing_nodes"] as Record<string, unknown>[]) : [info];
  return missing.map((m) => {
    const id = m["node_id"] ?? /Node ID '#(.+)'/.exec(error.details)?.[1];
    const mistake = typeof m["class_type"] === "string" ? { ...error, message: `There is no node class ${m["class_type"]} on this server.`, details: "" } : error;
    return { node: id === undefined ? undefined : String(id), mistake };
  });
}
