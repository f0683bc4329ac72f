// The two formats of a workflow: the editor's own (nodes with places and widgets, as ComfyUI's editor saves it), and the API's
// (what is to be computed).

import type { Json } from "./exact";

export type NodeId = number | string;

/** Modes of a node. */
export const ALWAYS = 0;
export const MUTED = 2;
export const BYPASSED = 4;

export interface SavedInput {
  name: string;
  type: string;
  link: number | null;
  /** The widget that the link takes the place of. */
  widget?: { name: string };
}

export interface SavedOutput {
  name: string;
  type: string;
  links: number[] | null;
}

export interface SavedNode {
  id: NodeId;
  type: string;
  title?: string;
  pos: [number, number];
  size: [number, number];
  mode: number;
  /** A place in a row of nodes; kept because ComfyUI's editor asks for it. */
  order?: number;
  inputs?: SavedInput[];
  outputs?: SavedOutput[];
  properties?: Record<string, unknown>;
  widgets_values?: unknown[] | Record<string, unknown>;
}

/** [link, from node, from slot, to node, to slot, type] */
export type SavedLink = [number, NodeId, number, NodeId, number, string];

/** A workflow in the editor's format. */
export interface Saved {
  nodes: SavedNode[];
  links: SavedLink[];
  groups?: { title: string; bounding: [number, number, number, number]; color?: string }[];
  last_node_id?: number;
  last_link_id?: number;
  version: number;
  extra?: Record<string, unknown>;
}

export interface ApiNode {
  class_type: string;
  inputs: Record<string, Json>;
  _meta?: { title?: string };
}

/** A workflow in the API's format. */
export type ApiWorkflow = Record<string, ApiNode>;

export type Link = [from: string, slot: number];

export function isLink(value: unknown): value is Link {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && typeof value[1] === "number";
}

/** What a file holds. */
export type Document = { kind: "editor"; workflow: Saved } | { kind: "api"; workflow: ApiWorkflow };

/** Tells which format a parsed file has; throws a sentence where it has neither. */
export function recognise(value: unknown): Document {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("This is no workflow: expected a JSON object with nodes.");
  }
  const object = value as Record<string, unknown>;
  if (Array.isArray(object["nodes"])) {
    return { kind: "editor", workflow: { links: [], version: 0.4, ...object } as unknown as Saved };
  }
  // A request to /prompt holds the workflow within.
  const inner = typeof object["prompt"] === "object" && object["prompt"] !== null ? (object["prompt"] as Record<string, unknown>) : object;
  const nodes = Object.entries(inner);
  const odd = nodes.find(([, n]) => typeof n !== "object" || n === null || typeof (n as ApiNode).class_type !== "string");
  if (nodes.length === 0 || odd) {
    throw new Error(odd ? `This is no workflow: the entry "${odd[0]}" has no class_type.` : "This workflow is empty.");
  }
  const workflow: ApiWorkflow = {};
  for (const [id, n] of nodes) workflow[id] = { ...(n as ApiNode), inputs: (n as ApiNode).inputs ?? {} };
  return { kind: "api", workflow };
}
