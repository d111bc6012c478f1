// Puts all files of the page together in dist/, from where any server of files can serve it.

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";

const here = new URL("./", import.meta.url), dist = new URL("dist/", here);
const runtime = new URL("node_modules/onnxruntime-web/dist/", here);

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
await cp(new URL("page/", here), dist, { recursive: true });
for (const name of ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]) {
  await cp(new URL(name, runtime), new URL(name, dist));
}

const files = (await readdir(dist)).filter((name) => name !== "sw.js").sort();
const hash = createHash("sha256");
for (const name of [...files, "sw.js"]) hash.update(name).update(await readFile(new URL(name, dist)));
const lists = `const VERSION = "${hash.digest("hex").slice(0, 16)}", FILES = ${JSON.stringify(["./", ...files])};\n`;
await writeFile(new URL("sw.js", dist), lists + (await readFile(new URL("sw.js", dist), "utf8")));
console.log(`Built: web/dist/ (${files.length + 1} files)`);
