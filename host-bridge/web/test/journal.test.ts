import assert from "node:assert/strict";
import test from "node:test";
import { Journal } from "../src/app/journal";
import type { Store } from "../src/app/store";
import type { Saved } from "../src/model/workflow";

function fixture(full = false) {
  const kept = new Map<string, string>();
  const store: Store = {
    getItem: (key) => kept.get(key) ?? null,
    setItem(key, value) {
      if (full) throw new Error("full");
      kept.set(key, value);
    },
  };
  const board = { now: 0 };
  const saved = (): Saved => ({ nodes: [], links: [], version: board.now });
  const journal = new Journal({ saved, restore: (w) => (board.now = w.version) }, store);
  journal.reset();
  return { board, journal, store, saved };
}
const moment = (ms = 200) => new Promise((r) => setTimeout(r, ms));

test("what a pointer drags is one change, however long it takes", async () => {
  const { board, journal } = fixture();
  journal.hold(true);
  for (board.now = 1; board.now < 4; board.now++) {
    journal.touch();
    await moment();
  }
  assert.equal(journal.canUndo, false, "nothing is noted while the pointer is down");
  journal.hold(false);
  await moment();
  journal.undo();
  assert.equal(board.now, 0);
  assert.equal(journal.canUndo, false);
  journal.redo();
  assert.equal(board.now, 4);
});

test("looking is no change, and going back to what was saved is none either", () => {
  const { board, journal } = fixture();
  journal.note();
  assert.equal(journal.dirty, false);
  board.now = 1;
  journal.note();
  assert.equal(journal.dirty, true);
  journal.undo();
  assert.equal(journal.dirty, false);
});

test("a later visit finds the workflow, and whether it was saved", () => {
  const { board, journal, store, saved } = fixture();
  board.now = 5;
  journal.note();
  const later = new Journal({ saved, restore: () => {} }, store);
  assert.equal(later.kept()?.version, 5);
  assert.equal(later.keptDirty, true);
  journal.markClean();
  assert.equal(later.keptDirty, false);
});

test("what cannot be kept is at risk", () => {
  const { board, journal } = fixture(true);
  assert.equal(journal.atRisk, false, "nothing was changed yet");
  board.now = 1;
  journal.note();
  assert.equal(journal.atRisk, true);
});
