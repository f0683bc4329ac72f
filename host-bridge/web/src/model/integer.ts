// Whole numbers of up to 64 bits. A value is a number while a float holds it exactly, and a string of digits beyond that: both
// survive JSON.stringify, which the canvas library uses to copy nodes.

export type Integer = number | string;

/** Reads anything that means a whole number; undefined where it does not. */
export function toBig(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value !== "string") return undefined;
  const text = value.trim().replaceAll("_", "");
  if (/^[+-]?\d+$/.test(text)) return BigInt(text);
  if (/^0x[0-9a-f]+$/i.test(text)) return BigInt(text);
  return text !== "" && Number.isFinite(Number(text)) ? BigInt(Math.trunc(Number(text))) : undefined;
}

export function fromBig(value: bigint): Integer {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value.toString();
}

export interface Range {
  min?: bigint | undefined;
  max?: bigint | undefined;
}

export function clampBig(value: bigint, { min, max }: Range): bigint {
  if (max !== undefined && value > max) value = max;
  if (min !== undefined && value < min) value = min;
  return value;
}

/** What becomes of a seed after it was queued. */
export type Control = "fixed" | "increment" | "decrement" | "randomize";
export const CONTROLS: readonly Control[] = ["fixed", "increment", "decrement", "randomize"];

/** The seed that follows; it wraps around at the ends of its range. bits gives 32 random bits. */
export function nextInteger(value: Integer, control: Control, range: Range, step = 1n, bits: () => number = randomBits): Integer {
  const min = range.min ?? 0n;
  const max = range.max ?? (1n << 64n) - 1n;
  const now = clampBig(toBig(value) ?? min, { min, max });
  switch (control) {
    case "fixed":
      return fromBig(now);
    case "increment":
      return fromBig(now + step > max ? min : now + step);
    case "decrement":
      return fromBig(now - step < min ? max : now - step);
    case "randomize":
      return fromBig(randomBelow(max - min + 1n, bits) + min);
  }
}

/** An even choice of 0 … n−1: numbers from the incomplete last stretch of 64 bits are thrown away. */
function randomBelow(n: bigint, bits: () => number): bigint {
  const all = 1n << 64n;
  if (n >= all) return (BigInt(bits()) << 32n) | BigInt(bits());
  for (;;) {
    const x = (BigInt(bits()) << 32n) | BigInt(bits());
    if (x < all - (all % n)) return x % n;
  }
}

function randomBits(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
