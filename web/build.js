// Puts all files of the page together in dist/, or in the folder that is named; any server of files can serve it.

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const web = import.meta.dirname, dist = process.argv[2] ?? join(web, "dist");
const runtime = join(web, "node_modules", "onnxruntime-web", "dist");

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await cp(join(web, "page"), dist, { recursive: true });
for (const name of ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]) await cp(join(runtime, name), join(dist, name));

const files = (await readdir(dist)).filter((name) => name !== "sw.js").sort();
const hash = createHash("sha256");
for (const name of [...files, "sw.js"]) hash.update(name).update(await readFile(join(dist, name)));
const lists = `const VERSION = "${hash.digest("hex").slice(0, 16)}", FILES = ${JSON.stringify(["./", ...files])};\n`;
await writeFile(join(dist, "sw.js"), lists + (await readFile(join(dist, "sw.js"), "utf8")));
console.log(`Built: ${files.length + 1} files`);
