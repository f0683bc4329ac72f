// Runs a workflow with @saintno/comfyui-sdk: node saintno.mjs URL WORKFLOW.json NODE…
// Prints {"steps": how many progress events, "images": {node: [bytes, …]}}.
import { readFileSync } from "node:fs";
import { CallWrapper, ComfyApi, PromptBuilder } from "@saintno/comfyui-sdk";

const [url, file, ...outputs] = process.argv.slice(2);
const api = new ComfyApi(url);
await api.init().waitForReady();

const builder = new PromptBuilder(JSON.parse(readFileSync(file, "utf8")), [], outputs);
for (const node of outputs) builder.setOutputNode(node, node);

let steps = 0;
const result = await new Promise((resolve, reject) => {
  new CallWrapper(api, builder).onProgress(() => steps++).onFinished(resolve).onFailed(reject).run();
});
const images = {};
for (const node of outputs) {
  images[node] = await Promise.all(result[node].images.map(async (i) => (await api.getImage(i)).size));
}
console.log(JSON.stringify({ steps, images }));
process.exit(0); // its socket would keep the process alive
