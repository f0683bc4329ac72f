// Runs a workflow with @stable-canvas/comfyui-client: node stable-canvas.mjs URL WORKFLOW.json
// Prints {"steps": how many progress events, "images": [bytes, …]}.
import { readFileSync } from "node:fs";
import { Client } from "@stable-canvas/comfyui-client";
import WebSocket from "ws";

const [url, file] = process.argv.slice(2);
const client = new Client({ api_host: new URL(url).host, WebSocket, fetch });
await client.connect();

let steps = 0;
client.on("progress", () => steps++);
// Its enqueue() returns at the first node that saves something; this one waits for the prompt's end.
const result = await client.enqueue_polling(JSON.parse(readFileSync(file, "utf8")), { polling_ms: 100 });
const images = await Promise.all(result.images.map(async (i) => (i.type === "url" ? (await (await fetch(i.data)).arrayBuffer()).byteLength : i.data.byteLength)));
console.log(JSON.stringify({ steps, images }));
process.exit(0); // its socket would keep the process alive
