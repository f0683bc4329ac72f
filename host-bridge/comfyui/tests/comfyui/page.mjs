// Opens workflows in ComfyUI's own editor: node page.mjs URL JOBS.json
// A job is {api, places, workflow?, shot?, run?, fails?}: the graph in API form is loaded and laid out; workflow is where the editor's own form is
// written to, run runs it, shot is where a picture of the page goes, fails expects the run to fail.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const web = path.resolve(import.meta.dirname, "../../../web/package.json");
const { chromium } = createRequire(web)("playwright-core");
const [url, jobs] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1700, height: 980 } });
// Nobody is new here: the dialog that greets new users would cover the page.
await fetch(`${url}settings`, { method: "POST", body: JSON.stringify({ "Comfy.TutorialCompleted": true, "Comfy.Validation.Workflows": false }) });
await page.goto(url);
await page.waitForFunction(() => window.app?.graph && window.LiteGraph?.registered_node_types?.ISACGuidance, null, { timeout: 120000 });

for (const job of JSON.parse(fs.readFileSync(jobs, "utf8"))) {
  const workflow = await page.evaluate(async ({ api, places }) => {
    const app = window.app;
    await app.loadApiJson(api, "workflow");
    for (const node of app.graph._nodes) {
      node.pos = [...places[node.id]];
      node.setSize(node.computeSize());
      if (node.type === "CLIPTextEncode") node.setSize([320, 180]);
      if (node.type === "PreviewImage" || node.type === "SaveImage") node.setSize([280, 290]);
    }
    return app.graph.serialize();
  }, job);
  if (job.workflow) fs.writeFileSync(job.workflow, JSON.stringify(workflow, null, 1) + "\n");
  if (job.run) {
    const ended = page.evaluate(() => new Promise((resolve) => {
      for (const name of ["execution_success", "execution_error"]) {
        window.app.api.addEventListener(name, (event) => resolve([name, event.detail?.exception_message ?? ""]), { once: true });
      }
    }));
    await page.evaluate(() => window.app.queuePrompt(0));
    const [how, why] = await ended;
    console.log(how, why.trim());
    if ((how === "execution_error") !== Boolean(job.fails)) throw new Error(`${how}: ${why}`);
  }
  if (job.shot) {
    await page.waitForTimeout(1500);
    await page.evaluate((places) => {
      const canvas = window.app.canvas;
      const xs = Object.values(places).map((p) => p[0]);
      const width = Math.max(...xs) + 330;
      canvas.ds.scale = Math.min(1, 1600 / width);
      canvas.ds.offset = [70, 90];
      canvas.setDirty(true, true);
    }, job.places);
    await page.waitForTimeout(800);
    await page.screenshot({ path: job.shot, type: job.shot.endsWith("jpg") ? "jpeg" : "png" });
  }
}
await browser.close();
