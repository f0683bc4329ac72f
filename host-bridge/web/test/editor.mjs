// The page in a real browser against a real host: node test/editor.mjs URL PLAIN.json [SCREENSHOTS]
// Ends with status 0 and prints one line of JSON, or says what was not as a person expects it.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, plain, shots] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" })).newPage();
const complaints = [];
page.on("pageerror", (e) => complaints.push(e.stack));
page.on("console", (m) => m.type() === "error" && !m.text().startsWith("Failed to load resource") && complaints.push(m.text()));
page.on("response", (r) => {
  // A workflow with a mistake is refused, and nothing was ever saved.
  const expected = r.url().endsWith("/prompt") || r.url().includes("/userdata?");
  if (r.status() >= 400 && !expected) complaints.push(`${r.status()} ${r.url()}`);
});

const canvas = page.locator("canvas").first();
/** What the editor would send: its workflow in the API format. */
const api = () => page.evaluate(() => window.isac.board.api());
const shot = async (name) => shots && (await page.screenshot({ path: `${shots}/${name}.png` }));
/** Where a slot of a node is in the window. */
const slot = (id, name, input) => page.evaluate(([id, name, input]) => {
  const { board } = window.isac, node = board.node(id);
  const at = (input ? node.inputs : node.outputs).findIndex((s) => s.name === name);
  return board.view.toClient(...(input ? node.getInputPos(at) : node.getOutputPos(at)));
}, [id, name, input]);
const drag = async (from, to) => {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, { steps: 4 });
  await page.mouse.move(...to, { steps: 4 });
  await page.mouse.up();
  await page.waitForTimeout(150);
};
const run = async () => {
  await canvas.focus();
  await page.keyboard.press("Control+Enter");
};

await page.goto(url);
await page.waitForFunction(() => window.isac?.socket.connected, null, { timeout: 30000 });

// It opens with the demo: plain and guided side by side.
let classes = Object.values(await api()).map((n) => n.class_type);
assert.equal(classes.filter((c) => c === "KSampler").length, 2, "the demo has two samplers");
assert.ok(classes.includes("ISACGuidance"), "the demo has the ISAC node");
assert.equal(await page.evaluate(() => window.isac.journal.dirty), false, "nothing was changed yet");
const covers = await page.evaluate(() => {
  const nodes = window.isac.board.nodes();
  const over = (a, b) => a.pos[0] < b.pos[0] + b.size[0] && b.pos[0] < a.pos[0] + a.size[0] && a.pos[1] - 30 < b.pos[1] + b.size[1] && b.pos[1] - 30 < a.pos[1] + a.size[1];
  return nodes.flatMap((a) => nodes.filter((b) => a !== b && over(a, b)).map((b) => `${a.title} covers ${b.title}`));
});
assert.deepEqual(covers, [], "no node lies on another");
await shot("demo");

// Looking is no change: a click, the box to find a node and the card of a node in the palette come and go.
const titleOf = (id) => page.evaluate((id) => {
  const { board } = window.isac, node = board.node(id);
  return board.view.toClient(node.pos[0] + 60, node.pos[1] - 12);
}, id);
await page.mouse.click(...(await titleOf("10")));
await page.keyboard.press("Tab");
await page.locator(".finder-input").waitFor();
await page.keyboard.press("Escape");
const search = page.getByRole("searchbox", { name: "Search nodes" });
await search.fill("isac");
await page.locator(".library-item").first().hover();
await search.fill("");
assert.equal(await page.locator(".node-card").isVisible(), false, "the card goes with what it explains");
await page.waitForTimeout(250);
assert.equal(await page.evaluate(() => window.isac.journal.dirty), false, "looking changes nothing");

// A node that is dragged is one change; one that is unfolded keeps its size when it is loaded again.
const where = () => page.evaluate(() => [...window.isac.board.node("10").pos]);
const [start, grip] = [await where(), await titleOf("10")];
await page.mouse.move(...grip);
await page.mouse.down();
for (let i = 1; i <= 3; i++) {
  await page.mouse.move(grip[0] + 20 * i, grip[1] + 5 * i);
  await page.waitForTimeout(150);
}
await page.mouse.up();
assert.notDeepEqual(await where(), start);
await page.keyboard.press("Control+z");
assert.deepEqual(await where(), start, "one undo takes all of it back");
const height = () => page.evaluate(() => window.isac.board.node("5").size[1]);
await page.evaluate(() => window.isac.board.node("5").unfold(true));
const unfolded = await height();
await page.evaluate(() => window.isac.journal.note());
await canvas.focus();
await page.keyboard.press("Control+z");
assert.ok((await height()) < unfolded, "undo folds it");
await page.keyboard.press("Control+y");
assert.equal(await height(), unfolded, "its size is what it was");

// A workflow without guidance, from a file.
await page.locator("button[aria-label=File]").click();
const choosing = page.waitForEvent("filechooser");
await page.getByText("Open a file…").click();
await (await choosing).setFiles(plain);
await page.waitForFunction(() => Object.keys(window.isac.board.api()).length === 7);
const before = await api();

// The ISAC node, dragged from the palette to a free place below the loader.
const item = page.locator(".library-item", { hasText: "ISAC Guidance" });
const box = await item.boundingBox();
await drag([box.x + 20, box.y + 10], [620, 760]);
const [isac] = Object.entries(await api()).find(([, n]) => n.class_type === "ISACGuidance") ?? [];
assert.ok(isac, "the node is on the canvas");
await canvas.focus();
await page.keyboard.press(".");
await page.waitForTimeout(300);

// Connected by hand: loader → ISAC → sampler.
await drag(await slot("1", "MODEL", false), await slot(isac, "model", true));
await drag(await slot(isac, "MODEL", false), await slot("10", "model", true));
let now = await api();
assert.deepEqual(now[isac].inputs.model, ["1", 0]);
assert.deepEqual(now["10"].inputs.model, [isac, 0]);

// Undo and redo.
await page.keyboard.press("Control+z");
assert.deepEqual((await api())["10"].inputs.model, before["10"].inputs.model, "undo takes the link back");
await page.keyboard.press("Control+y");
assert.deepEqual((await api())["10"].inputs.model, [isac, 0], "redo makes it again");
await shot("connected");

// Run, and the result appears.
const workflow = () => page.evaluate(() => JSON.stringify(window.isac.board.saved(), (_, v) => (typeof v === "bigint" ? String(v) : v)));
await page.waitForTimeout(250);
const unrun = await workflow();
await run();
await page.waitForFunction(() => window.isac.runs.shown?.over, null, { timeout: 120000 });
const steps = await page.evaluate(() => [...window.isac.runs.shown.reports.values()].flat().length);
assert.ok(steps >= 10, `the page heard of ${steps} guided steps`);
await page.waitForFunction(() => [...document.querySelectorAll(".thumb img")].some((i) => i.complete && i.naturalWidth > 0), null, { timeout: 10000 });

assert.equal(await workflow(), unrun, "a run leaves the workflow alone");

// The instances lie over the picture, and M takes them away.
const picture = () => page.evaluate(() => document.querySelector(".guidance-picture").toDataURL());
await page.waitForTimeout(500);
await shot("result");
const covered = await picture();
await canvas.focus();
await page.keyboard.press("m");
await page.waitForTimeout(200);
assert.notEqual(await picture(), covered, "without masks the picture is another one");
await page.keyboard.press("m");

// Run again without a change, nothing has to be computed, and guidance is still seen.
const first = await page.evaluate(() => window.isac.runs.shown.id);
await run();
await page.waitForFunction((first) => window.isac.runs.shown.id !== first && window.isac.runs.shown.over, first, { timeout: 60000 });
assert.equal(await page.evaluate(() => [...window.isac.runs.shown.reports.values()].flat().length), steps, "its masks and losses are there");

// A broken workflow says at the node what is wrong.
/** Types a value into a field of the panel. */
const fill = async (id, label, value) => {
  await page.evaluate((id) => window.isac.board.jump(id), id);
  await page.getByRole("tab", { name: "Node" }).click();
  await page.getByLabel(label, { exact: true }).fill(value);
  await page.keyboard.press("Enter");
};

// What is left to the preset shows the preset's own values, changes with it, and is the preset's still in what is sent.
const end = page.getByLabel("end", { exact: true });
await page.evaluate((id) => window.isac.board.jump(id), isac);
await page.getByRole("tab", { name: "Node" }).click();
await page.getByLabel("preset", { exact: true }).selectOption("typed");
const typed = await end.getAttribute("placeholder");
assert.ok(Number(typed) > 0, `end shows ${typed}`);
await shot("preset");
await page.getByLabel("preset", { exact: true }).selectOption("paper");
assert.notEqual(await end.getAttribute("placeholder"), typed, "end changes with the preset");
assert.equal((await api())[isac].inputs.end, -1, "and is left to it");
await fill(isac, "end", "0.25");
await page.getByLabel("preset", { exact: true }).selectOption("typed");
assert.equal(await end.inputValue(), "0.25", "what a person set stays");
assert.equal((await api())[isac].inputs.end, 0.25);
await fill(isac, "end", "");
assert.equal((await api())[isac].inputs.end, -1, "an empty field is the preset's again");
await page.getByLabel("preset", { exact: true }).selectOption("default");
await fill("10", "steps", "20000");
await run();
const problem = page.locator("button.problem[data-node='10']");
await problem.waitFor({ timeout: 10000 });
assert.match(await problem.textContent(), /steps/);
assert.equal(await page.evaluate(() => window.isac.mistakes.of("10").length), 1, "the node is marked");
await shot("broken");
await fill("10", "steps", "20");

// So does one that is refused before it runs: without its prompt, which Delete has removed.
await page.evaluate(() => window.isac.board.jump("2"));
await canvas.focus();
await page.keyboard.press("Delete");
assert.equal((await api())["2"], undefined, "Delete removes the node");
await run();
await page.waitForFunction(() => window.isac.mistakes.of("10").some((m) => m.type === "required_input_missing"), null, { timeout: 10000 });
await shot("refused");

// Light, and still there after a reload.
await page.getByRole("button", { name: /light/i }).click();
assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
await shot("light");
await page.reload();
await page.waitForFunction(() => window.isac?.socket.connected, null, { timeout: 30000 });
now = await api();
assert.deepEqual(now["10"].inputs.model, [isac, 0], "the workflow is there after a reload");
assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");

// A copy of the tab is another client: two that share a name would take each other's messages.
const [copy] = await Promise.all([page.context().waitForEvent("page"), page.evaluate((url) => void window.open(url), url)]);
await copy.waitForFunction(() => window.isac?.socket.connected, null, { timeout: 30000 });
const id = (p) => p.evaluate(() => window.isac.client.id);
assert.notEqual(await id(copy), await id(page));

assert.deepEqual(complaints, [], "the browser has nothing to complain of");
console.log(JSON.stringify({ steps }));
await browser.close();
