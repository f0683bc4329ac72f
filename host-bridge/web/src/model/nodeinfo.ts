// What /object_info tells of nodes, and one shape for all of its ways to describe an input.

import { type Integer, fromBig, toBig } from "./integer";
import { type Presets, readPresets } from "./preset";

export type RawInput = [type: string | unknown[], options?: Record<string, unknown>];

/** An entry of /object_info. */
export interface NodeInfo {
  name: string;
  display_name: string;
  description: string;
  category: string;
  input: Partial<Record<"required" | "optional" | "hidden", Record<string, unknown>>>;
  input_order?: Partial<Record<"required" | "optional" | "hidden", string[]>>;
  output: (string | unknown[])[];
  output_name?: string[];
  output_is_list?: boolean[];
  output_tooltips?: string[];
  output_node: boolean;
  python_module?: string;
  deprecated?: boolean;
  experimental?: boolean;
  search_aliases?: string[];
}

export type NodeInfos = Record<string, NodeInfo>;

/** How an input is edited; a socket only takes links. */
export type Kind = "int" | "float" | "string" | "boolean" | "combo" | "socket";
export type Value = number | string | boolean;

export interface Input {
  name: string;
  kind: Kind;
  /** The type for links: "MODEL", "INT", "COMBO". */
  type: string;
  required: boolean;
  tooltip: string;
  fallback: Value;
  // Numbers.
  min?: number | undefined;
  max?: number | undefined;
  bigMin?: bigint | undefined;
  bigMax?: bigint | undefined;
  step?: number | undefined;
  /** Multiples to which a float is rounded. */
  round?: number | undefined;
  /** A seed: a second widget says what becomes of it after it was queued. */
  control: boolean;
  // Texts.
  multiline: boolean;
  /** It may hold choices, {a|b}, from which one is drawn before the text is sent. */
  dynamic: boolean;
  placeholder: string;
  /** What it is, by method and preset, where it is left to them. */
  presets?: Presets | undefined;
  // Choices.
  choices: string[];
  /** A choice among files, to which files can be added. */
  upload: boolean;
  labelOn: string;
  labelOff: string;
  /** No link can give this value. */
  socketless: boolean;
}

const KINDS: Record<string, Kind> = { INT: "int", FLOAT: "float", STRING: "string", BOOLEAN: "boolean", COMBO: "combo" };

/** The inputs of a node in their order; hidden ones are the server's business. */
export function inputsOf(info: NodeInfo): Input[] {
  return (["required", "optional"] as const).flatMap((group) => {
    const raw = info.input[group] ?? {};
    const names = info.input_order?.[group] ?? Object.keys(raw);
    return names.filter((n) => Array.isArray(raw[n])).map((n) => inputOf(n, raw[n] as RawInput, group === "required"));
  });
}

function inputOf(name: string, [rawType, rawOptions]: RawInput, required: boolean): Input {
  const o = rawOptions ?? {};
  const text = (key: string): string => (typeof o[key] === "string" ? (o[key] as string) : "");
  const number = (key: string): number | undefined => (typeof o[key] === "number" ? (o[key] as number) : o[key] === undefined ? undefined : Number(o[key]));
  const list = Array.isArray(rawType) ? rawType : Array.isArray(o["options"]) ? (o["options"] as unknown[]) : [];
  const type = Array.isArray(rawType) ? "COMBO" : String(rawType);
  const kind: Kind = o["forceInput"] === true ? "socket" : (KINDS[type] ?? "socket");
  const input: Input = {
    name, kind, type, required,
    tooltip: text("tooltip"),
    fallback: "",
    step: number("step"),
    round: typeof o["round"] === "number" ? o["round"] : undefined,
    control: kind === "int" && (o["control_after_generate"] === true || name === "seed" || name === "noise_seed"),
    multiline: o["multiline"] === true,
    dynamic: o["dynamicPrompts"] === true,
    placeholder: text("placeholder"),
    presets: readPresets(o["presets"]),
    choices: list.map(String),
    upload: o["image_upload"] === true,
    labelOn: text("label_on") || "on",
    labelOff: text("label_off") || "off",
    socketless: o["socketless"] === true,
  };
  if (kind === "int") {
    input.bigMin = toBig(o["min"]);
    input.bigMax = toBig(o["max"]);
  }
  if (kind === "float") {
    input.min = number("min");
    input.max = number("max");
  }
  input.fallback = fallbackOf(input, o["default"]);
  return input;
}

function fallbackOf(input: Input, given: unknown): Value {
  switch (input.kind) {
    case "int":
      return integerOf(given ?? input.bigMin ?? 0);
    case "float":
      return Number(given ?? input.min ?? 0);
    case "boolean":
      return given === true;
    case "combo":
      return given === undefined || given === null ? (input.choices[0] ?? "") : String(given);
    default:
      return typeof given === "string" ? given : "";
  }
}

function integerOf(value: unknown): Integer {
  return fromBig(toBig(value) ?? 0n);
}

/** Makes a value of an input out of what a file says; what makes no sense stays as it is, for the server to complain about. */
export function coerce(input: Input, value: unknown): Value {
  switch (input.kind) {
    case "int": {
      const big = toBig(value);
      return big === undefined ? String(value) : fromBig(big);
    }
    case "float":
      return value === "" || Number.isNaN(Number(value)) ? String(value) : Number(value);
    case "boolean":
      return typeof value === "boolean" ? value : value === "true" || value === 1;
    default:
      return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
  }
}

/** The name of the widget that stands behind a seed. */
export function controlName(input: string): string {
  return input === "seed" || input === "noise_seed" ? "control_after_generate" : `control_after_${input}`;
}

/** Whether a link may go from one type to another: "*" fits all, "A,B" is either. */
export function fits(from: string, to: string): boolean {
  if (from === "*" || to === "*" || from === to) return true;
  const wanted = new Set(to.toUpperCase().split(",").map((t) => t.trim()));
  return from.toUpperCase().split(",").some((t) => wanted.has(t.trim()));
}

export function typeOf(output: string | unknown[]): string {
  return Array.isArray(output) ? "COMBO" : String(output);
}
