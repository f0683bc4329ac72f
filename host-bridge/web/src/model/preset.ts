// What a node's method and preset have for an input that was left to them, by the inputs' option "presets".

import type { Input, Value } from "./nodeinfo";

/** Values by method and preset; methods that do not have the option are not in it. */
export type Presets = Record<string, Record<string, Value>>;

/** Reads the option; anything else than such a table is none. */
export function readPresets(raw: unknown): Presets | undefined {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  const tables = Object.values(raw).every((t) => typeof t === "object" && t !== null && Object.values(t).every((v) => ["number", "string", "boolean"].includes(typeof v)));
  return tables ? (raw as Presets) : undefined;
}

/** Whether a value is the one that leaves the input to the preset. */
export function leftToPreset(input: Input, value: Value): boolean {
  return value === input.fallback && (input.kind === "combo" ? input.presets !== undefined : input.placeholder !== "");
}

/** What the preset has for the input; undefined where method or preset are not known, as when they come by a link. */
export function presetValue(input: Input, method: Value | undefined, preset: Value | undefined): Value | undefined {
  return input.presets?.[String(method)]?.[String(preset)];
}
