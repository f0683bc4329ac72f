// From the editor's format to the API's.

import { CONTROLS, toBig } from "./integer";
import { type Input, type NodeInfos, controlName, fits, inputsOf } from "./nodeinfo";
import { type Json } from "./exact";
import { type ApiWorkflow, BYPASSED, MUTED, type NodeId, type Saved, type SavedLink, type SavedNode } from "./workflow";

/** Nodes that are for people only. */
const NOTES = new Set(["Note", "MarkdownNote"]);

/**
 * Makes the API's workflow. Muted nodes are left out, bypassed ones hand through what fits their outputs, Reroute and
 * PrimitiveNode dissolve. Links that lead nowhere are left out: the server then says which input lacks one.
 */
export function toApi(saved: Saved, infos: NodeInfos): ApiWorkflow {
  const nodes = new Map<string, SavedNode>(saved.nodes.map((n) => [String(n.id), n]));
  const links = new Map<number, SavedLink>(saved.links.map((l) => [l[0], l]));
  const workflow: ApiWorkflow = {};
  for (const node of saved.nodes) {
    if (node.mode === MUTED || node.mode === BYPASSED || isVirtual(node)) continue;
    const info = infos[node.type];
    const inputs: Record<string, Json> = {};
    for (const [name, value] of info ? widgetValues(node, inputsOf(info)) : namedValues(node)) inputs[name] = value;
    for (const input of node.inputs ?? []) {
      if (input.link === null || input.link === undefined) continue;
      const source = follow(input.link, nodes, links);
      if (source === undefined) {
        delete inputs[input.name];
      } else if ("value" in source) {
        inputs[input.name] = source.value;
      } else {
        inputs[input.name] = [String(source.id), source.slot];
      }
    }
    const title = node.title ?? info?.display_name ?? node.type;
    workflow[String(node.id)] = { class_type: node.type, inputs, _meta: { title } };
  }
  return workflow;
}

/** Whether a node exists in the editor only. */
export function isVirtual(node: { type: string }): boolean {
  return NOTES.has(node.type) || node.type === "Reroute" || node.type === "PrimitiveNode";
}

type Source = { id: NodeId; slot: number } | { value: Json };

/** Finds what a link brings, through reroutes and bypassed nodes. */
function follow(link: number, nodes: Map<string, SavedNode>, links: Map<number, SavedLink>): Source | undefined {
  const seen = new Set<number>();
  for (let at: number | null | undefined = link; at !== null && at !== undefined && !seen.has(at); ) {
    seen.add(at);
    const found: SavedLink | undefined = links.get(at);
    const node = found && nodes.get(String(found[1]));
    if (!found || !node || node.mode === MUTED) return undefined;
    const slot = found[2];
    if (node.type === "PrimitiveNode") return primitive(node);
    if (node.type === "Reroute") {
      at = node.inputs?.[0]?.link;
    } else if (node.mode === BYPASSED) {
      at = through(node, slot);
    } else {
      return { id: node.id, slot };
    }
  }
  return undefined;
}

/** The link whose value a bypassed node gives at an output: the input at the same place if it fits, else the first that does. */
function through(node: SavedNode, slot: number): number | null | undefined {
  const type = node.outputs?.[slot]?.type;
  if (type === undefined) return undefined;
  const usable = (node.inputs ?? []).filter((i) => i.link !== null && i.link !== undefined && fits(String(i.type), String(type)));
  const same = node.inputs?.[slot];
  return (same && usable.includes(same) ? same : usable[0])?.link;
}

function primitive(node: SavedNode): Source | undefined {
  const value = Array.isArray(node.widgets_values) ? node.widgets_values[0] : undefined;
  return value === undefined || value === null ? undefined : { value: value as Json };
}

/**
 * The values of a node's widgets by name. Files hold them in the order of the inputs, without names, with one more behind each
 * seed.
 */
export function widgetValues(node: Pick<SavedNode, "widgets_values">, inputs: Input[]): [string, Json][] {
  const values = node.widgets_values;
  if (!values) return [];
  const widgets = inputs.filter((i) => i.kind !== "socket");
  if (!Array.isArray(values)) {
    return widgets.filter((i) => i.name in values).map((i) => [i.name, exact(i, values[i.name])]);
  }
  const found: [string, Json][] = [];
  let at = 0;
  for (const input of widgets) {
    if (at >= values.length) break;
    found.push([input.name, exact(input, values[at++])]);
    // Files of editors that do not know this seed's second widget lack it.
    if (input.control && (CONTROLS as readonly unknown[]).includes(values[at])) at++;
    if (input.upload && values[at] === "image") at++;
  }
  return found;
}

/** The values of a node whose class is not known, where the file names them. */
function namedValues({ widgets_values: values }: SavedNode): [string, Json][] {
  return values && !Array.isArray(values) ? (Object.entries(values) as [string, Json][]) : [];
}

/** The control that follows a seed in a file, "fixed" if none does. */
export function controlValues(node: Pick<SavedNode, "widgets_values">, inputs: Input[]): [string, string][] {
  const values = node.widgets_values;
  if (!Array.isArray(values)) return [];
  const found: [string, string][] = [];
  let at = 0;
  for (const input of inputs.filter((i) => i.kind !== "socket")) {
    at++;
    if (input.control && (CONTROLS as readonly unknown[]).includes(values[at])) found.push([controlName(input.name), String(values[at++])]);
    if (input.upload && values[at] === "image") at++;
  }
  return found;
}

/** A value as the API wants it: all digits of an integer, and a list guarded from being taken for a link. */
function exact(input: Input, value: unknown): Json {
  if (input.kind === "int") {
    const big = toBig(value);
    if (big !== undefined) return Number.isSafeInteger(Number(big)) ? Number(big) : big;
  }
  if (Array.isArray(value)) return { __value__: value as Json[] };
  return (value ?? null) as Json;
}
