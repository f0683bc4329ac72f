// Runs SillyTavern's ComfyUI routes, unmodified, on the package that is installed in the working directory: node sillytavern.mjs URL MODEL
// Prints {"models", "samplers", "schedulers", "vaes": lists, "image": bytes}. Its page fills the workflow in; that is done here as there.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [url, model] = process.argv.slice(2);
const home = path.resolve("node_modules", "sillytavern");
const express = createRequire(path.join(home, "package.json"))("express");
// Its server names the settings before anything else is loaded.
const { setConfigFilePath } = await import(pathToFileURL(path.join(home, "src", "util.js")));
setConfigFilePath(path.join(home, "default", "config.yaml"));
const { router } = await import(pathToFileURL(path.join(home, "src", "endpoints", "stable-diffusion.js")));

const app = express();
app.use(express.json());
app.use(router);
const server = app.listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));

async function ask(route, body = {}) {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/comfy/${route}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ url, ...body }),
  });
  if (!answer.ok) throw new Error(`${route}: ${answer.status} ${await answer.text()}`);
  return answer;
}

await ask("ping");
const said = {};
for (const list of ["models", "samplers", "schedulers", "vaes"]) said[list] = await (await ask(list)).json();
const values = {
  prompt: "two cats and a dog", negative_prompt: "blurry", model, sampler: "euler", scheduler: "normal",
  seed: 5, steps: 2, scale: 4, width: 64, height: 64,
};
let workflow = readFileSync(path.join(home, "default", "content", "Default_Comfy_Workflow.json"), "utf8");
for (const [name, value] of Object.entries(values)) workflow = workflow.replaceAll(`"%${name}%"`, JSON.stringify(value));
const made = await (await ask("generate", { prompt: `{"prompt": ${workflow}}` })).json();
said.image = Buffer.from(made.data, "base64").length;
said.format = made.format;
console.log(JSON.stringify(said));
process.exit(0);
