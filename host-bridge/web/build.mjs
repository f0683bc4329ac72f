// Builds the page into dist/ (the default), keeps building (--watch), or bundles and runs the unit tests (--test).

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as esbuild from "esbuild";

process.chdir(import.meta.dirname ?? new URL(".", import.meta.url).pathname);

const shared = { bundle: true, format: "esm", target: "es2022", logLevel: "warning", legalComments: "none" };

if (process.argv.includes("--test")) {
  const dir = mkdtempSync(join(tmpdir(), "isac-web-test-"));
  const tests = readdirSync("test").filter((f) => f.endsWith(".test.ts"));
  await esbuild.build({ ...shared, entryPoints: tests.map((f) => join("test", f)), outdir: dir, outExtension: { ".js": ".mjs" }, platform: "node", sourcemap: "inline" });
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...tests.map((f) => join(dir, f.replace(/\.ts$/, ".mjs")))], { stdio: "inherit" });
  rmSync(dir, { recursive: true });
  process.exit(run.status ?? 1);
}

/** Third-party code in the bundle, with its licence's full text. */
function notices(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  return [...packages].sort().map((name) => {
    const dir = join("node_modules", name);
    const about = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
    if (!file) throw new Error(`${name} has no licence file: its notice cannot be given`);
    return `${name} ${about.version} (${about.license})\n\n${readFileSync(join(dir, file), "utf8").trim()}\n`;
  }).join("\n----------------------------------------\n\n");
}

/** Puts index.html beside the bundles, whose names hold a hash of what they are: they may be cached for ever. */
const page = {
  name: "page",
  setup(build) {
    build.onEnd((result) => {
      if (result.errors.length > 0) return;
      mkdirSync("dist", { recursive: true });
      for (const old of readdirSync("dist")) if (old !== ".keep") rmSync(join("dist", old), { recursive: true });
      let html = readFileSync("src/index.html", "utf8");
      for (const file of result.outputFiles) {
        const ending = file.path.endsWith(".css") ? "css" : "js";
        const hash = createHash("sha256").update(file.contents).digest("hex").slice(0, 12);
        writeFileSync(join("dist", `editor.${hash}.${ending}`), file.contents);
        html = html.replace(`editor.${ending}`, `editor.${hash}.${ending}`);
      }
      writeFileSync("dist/index.html", html);
      writeFileSync("dist/notices.txt", notices(result.metafile));
    });
  },
};

const options = {
  ...shared, entryPoints: { editor: "src/main.ts" }, outdir: "dist", minify: true, write: false, metafile: true,
  loader: { ".svg": "text" }, plugins: [page],
};
if (process.argv.includes("--watch")) {
  await (await esbuild.context(options)).watch();
} else {
  await esbuild.build(options);
}
