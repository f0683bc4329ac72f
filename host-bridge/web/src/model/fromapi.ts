// From the API's format to the editor's. Places are not part of the API's: see layout.ts.

import { type NodeInfos, coerce, inputsOf, typeOf } from "./nodeinfo";
import { ALWAYS, type ApiWorkflow, type NodeId, type Saved, type SavedInput, type SavedLink, type SavedNode, isLink } from "./workflow";

/** Makes the editor's workflow; every node lies at the origin. Seeds stay as they are after a run, as the API's do. */
export function fromApi(api: ApiWorkflow, infos: NodeInfos): Saved {
  const links: SavedLink[] = [];
  const nodes = new Map<string, SavedNode>();
  for (const [id, node] of Object.entries(api)) {
    const info = infos[node.class_type];
    const inputs = info ? inputsOf(info) : [];
    const saved: SavedNode = {
      id: nodeId(id), type: node.class_type, pos: [0, 0], size: [0, 0], mode: ALWAYS,
      inputs: inputs.filter((i) => i.kind === "socket").map((i) => ({ name: i.name, type: i.type, link: null })),
      outputs: (info?.output ?? []).map((t, slot) => ({ name: info?.output_name?.[slot] ?? typeOf(t), type: typeOf(t), links: null })),
      properties: {},
      widgets_values: [],
    };
    const title = node._meta?.title;
    if (title && title !== info?.display_name && title !== node.class_type) saved.title = title;
    // What is not known is kept by name, as the API has it.
    if (!info) saved.widgets_values = Object.fromEntries(Object.entries(node.inputs).filter(([, value]) => !isLink(value)));
    const values = saved.widgets_values as unknown[];
    for (const input of inputs.filter((i) => i.kind !== "socket")) {
      const value = node.inputs[input.name];
      values.push(value === undefined || isLink(value) ? input.fallback : coerce(input, unwrap(value)));
      if (input.control) values.push("fixed");
    }
    nodes.set(id, saved);
  }
  for (const [id, node] of Object.entries(api)) {
    const saved = nodes.get(id)!;
    for (const [name, value] of Object.entries(node.inputs)) {
      const source = isLink(value) ? nodes.get(value[0]) : undefined;
      if (!source || !isLink(value)) continue;
      const slot = targetSlot(saved, name, infos);
      const output = outputOf(source, value[1]);
      const link = links.length + 1;
      saved.inputs![slot]!.link = link;
      (output.links ??= []).push(link);
      links.push([link, source.id, value[1], saved.id, slot, output.type]);
    }
  }
  const list = [...nodes.values()];
  const last = Math.max(0, ...list.map((n) => (typeof n.id === "number" ? n.id : 0)));
  return { nodes: list, links, groups: [], last_node_id: last, last_link_id: links.length, version: 0.4, extra: {} };
}

/** "10" is kept as the number that the canvas library counts on; "12:5" stays. */
export function nodeId(id: string): NodeId {
  return /^(0|[1-9]\d{0,8})$/.test(id) ? Number(id) : id;
}

function unwrap(value: unknown): unknown {
  return typeof value === "object" && value !== null && "__value__" in value ? value.__value__ : value;
}

/** The slot of an input, made where a widget's value comes through a link or the class is not known. */
function targetSlot(node: SavedNode, name: string, infos: NodeInfos): number {
  const at = node.inputs!.findIndex((i) => i.name === name);
  if (at >= 0) return at;
  const info = infos[node.type];
  const input = info && inputsOf(info).find((i) => i.name === name);
  const slot: SavedInput = { name, type: input?.type ?? "*", link: null };
  if (input && input.kind !== "socket") slot.widget = { name };
  return node.inputs!.push(slot) - 1;
}

function outputOf(node: SavedNode, slot: number): { type: string; links: number[] | null } {
  while (node.outputs!.length <= slot) node.outputs!.push({ name: `output ${node.outputs!.length}`, type: "*", links: null });
  return node.outputs![slot]!;
}
