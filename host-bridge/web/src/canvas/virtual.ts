// Nodes that exist in the editor only; toapi.ts leaves them out or dissolves them.

import type { NodeInfo, NodeInfos } from "../model/nodeinfo";

function virtual(name: string, display: string, description: string, inputs: Record<string, unknown>, output: string[]): NodeInfo {
  return {
    name, display_name: display, description, category: "utils", input: { required: inputs }, output, output_name: output.map(() => ""), output_node: false,
  };
}

export const VIRTUAL: NodeInfos = {
  Note: virtual("Note", "Note", "A text for people.", { text: ["STRING", { multiline: true, placeholder: "Write something", socketless: true }] }, []),
  Reroute: virtual("Reroute", "Reroute", "Hands a link through, to lead it round other nodes.", { "": ["*"] }, ["*"]),
  PrimitiveNode: virtual("PrimitiveNode", "Primitive", "One value for several inputs.", { value: ["STRING", { socketless: true }] }, ["*"]),
};
