// What the server says.

import type { Json } from "../model/exact";
import type { ApiWorkflow, Saved } from "../model/workflow";

/** A file that a node made, or that was uploaded. */
export interface FileRef {
  filename: string;
  subfolder: string;
  type: string;
}

/** One mistake. */
export interface Mistake {
  type: string;
  message: string;
  details: string;
  extra_info?: { input_name?: string } & Record<string, unknown>;
}

export interface NodeMistakes {
  errors: Mistake[];
  class_type: string;
  dependent_outputs?: string[];
}

/** The answer to POST /prompt, good or bad. */
export interface PromptAnswer {
  prompt_id?: string;
  number?: number;
  error?: Mistake | string;
  node_errors?: Record<string, NodeMistakes>;
}

/** What a node wants to show: pictures, texts, whatever. */
export interface Output {
  images?: FileRef[];
  text?: string[];
  [key: string]: unknown;
}

/** [number, prompt id, workflow, extra data, output nodes] */
export type QueueItem = [number, string, ApiWorkflow, ExtraData, string[]];

export interface ExtraData {
  client_id?: string;
  create_time?: number;
  extra_pnginfo?: { workflow?: Saved };
}

export interface Queue {
  queue_running: QueueItem[];
  queue_pending: QueueItem[];
}

export interface HistoryEntry {
  prompt: QueueItem;
  outputs: Record<string, Output>;
  status: { status_str: string; completed: boolean; messages: [string, Record<string, Json>][] };
}

export type History = Record<string, HistoryEntry>;

export interface ExecutionError {
  prompt_id: string;
  node_id: string;
  node_type: string;
  exception_message: string;
  exception_type: string;
  traceback: string[];
}

export interface NodeState {
  value: number;
  max: number;
  state: "running" | "finished" | "error";
}

/** One of the losses that a guidance method lowers. */
export interface Loss {
  name: string;
  value: number;
  weight: number;
}

/** What guidance saw and did at one step on one image of the batch. */
export interface Report {
  image: number;
  index: number;
  count: number;
  /** Why the step was not guided. */
  skipped?: string;
  /** The step was to be guided: one that is wanted and skipped is guidance that did not happen. */
  wanted?: boolean;
  /** What the method measured, with the weight that each loss has at this step. */
  losses?: Loss[];
  loss: number;
  height: number;
  width: number;
  /** The instance of each cell of the grid, −1 on the background. */
  labels?: number[];
}

/** Text messages of the socket by type. */
export interface Messages {
  status: { status: { exec_info: { queue_remaining: number } }; sid?: string };
  execution_start: { prompt_id: string; timestamp?: number };
  execution_cached: { prompt_id: string; nodes: string[] };
  executing: { prompt_id: string; node: string | null; display_node?: string };
  progress: { prompt_id: string; node: string; value: number; max: number };
  progress_state: { prompt_id: string; nodes: Record<string, NodeState> };
  executed: { prompt_id: string; node: string; display_node?: string; output: Output | null };
  execution_success: { prompt_id: string };
  execution_error: ExecutionError;
  execution_interrupted: { prompt_id: string; node_id: string };
  isac_step: { prompt_id: string; node: string; report: Report };
}
