// Texts with choices in them, {red|blue}, from which one is drawn before a prompt is sent. ComfyUI's page does it too; its server, like ours,
// reads braces as text.

import { type Json } from "./exact";
import { type NodeInfos, inputsOf } from "./nodeinfo";
import { type ApiWorkflow } from "./workflow";

/** Gives a number in [0,1), as Math.random does. */
export type Random = () => number;

/**
 * Takes comments out of a text and draws a choice from each {a|b}, in which there may be others. A backslash keeps the brace or the
 * bar behind it as text. A brace that nothing closes ends with the text.
 */
export function drawn(text: string, random: Random = Math.random): string {
  return draw(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""), random).replace(/\\([{}|])/g, "$1");
}

function draw(text: string, random: Random): string {
  let out = "";
  for (let at = 0; at < text.length; ) {
    if (text[at] === "{") {
      const { choices, end } = choicesAt(text, at + 1);
      out += draw(choices[Math.floor(random() * choices.length)]!, random);
      at = end;
    } else {
      const length = text[at] === "\\" ? 2 : 1;
      out += text.slice(at, at + length);
      at += length;
    }
  }
  return out;
}

/** The choices of a brace that was opened before a place, and where the text goes on behind its end. */
function choicesAt(text: string, begin: number): { choices: string[]; end: number } {
  const choices: string[] = [];
  let depth = 0;
  let at = begin;
  for (; at < text.length; at += text[at] === "\\" ? 2 : 1) {
    const c = text[at];
    if (c === "{") depth++;
    if (c === "}" && depth-- === 0) break;
    if (c === "|" && depth === 0) {
      choices.push(text.slice(begin, at));
      begin = at + 1;
    }
  }
  choices.push(text.slice(begin, at));
  return { choices, end: at + 1 };
}

/** Draws in all texts that say that they may hold choices. The workflow itself stays as it is. */
export function withChoices(workflow: ApiWorkflow, infos: NodeInfos, random: Random = Math.random): ApiWorkflow {
  return Object.fromEntries(Object.entries(workflow).map(([id, node]) => {
    const inputs: Record<string, Json> = { ...node.inputs };
    const info = infos[node.class_type];
    for (const input of info ? inputsOf(info) : []) {
      const value = inputs[input.name];
      if (input.dynamic && typeof value === "string") inputs[input.name] = drawn(value, random);
    }
    return [id, { ...node, inputs }];
  }));
}
