// What nodes on the canvas need of the page around them.

import type { LGraphNode } from "@comfyorg/litegraph";
import type { Run } from "../run/run";
import type { Value } from "../model/nodeinfo";
import type { Field } from "./field";
import type { GraphNode } from "./node";
import type { Mistake } from "../api/types";

/** A rectangle of the graph's plane. */
export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface TextRequest {
  area: Area;
  value: string;
  label: string;
  multiline: boolean;
  align: "left" | "right";
  placeholder?: string;
  done(value: string): void;
}

export interface ChoiceRequest {
  area: Area;
  value: string;
  label: string;
  choices: string[];
  done(value: string): void;
}

export interface Stage {
  /** Lets a text be edited in its place. */
  editText(request: TextRequest): void;
  /** Lets one of a list be chosen. */
  choose(request: ChoiceRequest): void;
  /** Lets a file be chosen and puts it on the server; its name there. */
  upload(): Promise<string | undefined>;
  /** A person changed a value. */
  fieldChanged(node: GraphNode, field: Field, value: Value): void;
  /** A link was made or cut at an input. */
  linked(node: GraphNode, input: string): void;
  /** The graph changed otherwise. */
  changed(): void;
  redraw(): void;
  /** The run that nodes show the state of. */
  shownRun(): Run | undefined;
  mistakes(node: LGraphNode): Mistake[];
  /** Whether masks are painted over previews. */
  masks(): boolean;
  /** A picture by its address, once it is there. */
  image(url: string): HTMLImageElement | undefined;
  urlOf(file: { filename: string; subfolder: string; type: string }): string;
  /** Shows a result large. */
  view(run: string, node: string, index: number): void;
}
