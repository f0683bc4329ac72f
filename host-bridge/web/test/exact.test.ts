import assert from "node:assert/strict";
import test from "node:test";
import { parseExact, stringifyExact } from "../src/model/exact";
import { clampBig, fromBig, nextInteger, toBig } from "../src/model/integer";

test("a seed keeps its digits through JSON", () => {
  const text = '{"seed":18446744073709551615,"cfg":4.5,"small":7,"text":"18446744073709551615","negative":-9223372036854775808}';
  const value = parseExact(text) as Record<string, unknown>;
  assert.equal(value["seed"], 18446744073709551615n);
  assert.equal(value["small"], 7);
  assert.equal(value["text"], "18446744073709551615");
  assert.equal(stringifyExact(value), text);
});

test("texts that look like the marks of big numbers stay texts", () => {
  for (const text of ["\uE000#5", "\uE000", "\\ue000#12", 'a "quoted" \uE000#1']) {
    assert.equal(parseExact(stringifyExact({ text })) instanceof Object && (parseExact(stringifyExact({ text })) as { text: string }).text, text);
  }
});

test("whole numbers beyond 2^53 are strings in the editor", () => {
  assert.equal(fromBig(18446744073709551615n), "18446744073709551615");
  assert.equal(fromBig(7n), 7);
  assert.equal(toBig("0xff"), 255n);
  assert.equal(toBig("seven"), undefined);
  assert.equal(clampBig(20000n, { min: 1n, max: 10000n }), 10000n);
});

test("what a seed becomes after queueing", () => {
  const range = { min: 0n, max: 18446744073709551615n };
  assert.equal(nextInteger(7, "fixed", range), 7);
  assert.equal(nextInteger("18446744073709551614", "increment", range), "18446744073709551615");
  assert.equal(nextInteger(0, "decrement", range), "18446744073709551615", "it goes round");
  const drawn = toBig(nextInteger(7, "randomize", range, 1n, () => 0xffffffff))!;
  assert.ok(drawn >= 0n && drawn <= range.max);
});
