// JSON whose whole numbers keep all their digits. JavaScript's own JSON makes 18446744073709551615 a rounded float, and a seed
// that is rounded gives another picture.

/** What JSON holds when whole numbers beyond 2^53 are bigints. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

// Strings cannot begin with it by accident: U+E000 is a private character, and a string that has it gets a second one.
const MARK = "\uE000";
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Parses JSON; whole numbers that a float cannot hold become bigints. */
export function parseExact(text: string): Json {
  const marked = text.replace(TOKEN, (token) => {
    if (token[0] === '"') return /^"(\uE000|\\ue000)/i.test(token) ? `"${MARK}${token.slice(1)}` : token;
    if (!/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token))) return token;
    return `"${MARK}#${token}"`;
  });
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== "string" || value[0] !== MARK) return value;
    return value[1] === "#" ? BigInt(value.slice(2)) : value.slice(1);
  }) as Json;
}

/** Writes JSON; bigints become plain digits. */
export function stringifyExact(value: unknown, indent?: number): string {
  const marked = JSON.stringify(
    value,
    (_key, v: unknown) => {
      if (typeof v === "bigint") return `${MARK}#${v}`;
      return typeof v === "string" && v[0] === MARK ? MARK + v : v;
    },
    indent,
  );
  return marked.replace(TOKEN, (token) => {
    if (token[0] !== '"' || token[1] !== MARK) return token;
    return token[2] === "#" ? token.slice(3, -1) : `"${token.slice(2)}`;
  });
}
