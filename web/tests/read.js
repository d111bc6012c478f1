// Reads drawings as the page does. Each line of standard input is JSON of {strokes, single}, answered with a line of
// {candidates, text}: those of each line of text, and what they are read as.

import { createInterface } from "node:readline";

import * as ort from "onnxruntime-web";

import { segmentStrokes } from "../page/candidates.js";
import { labelOf, read } from "../page/recognizer.js";

ort.env.wasm.numThreads = 1;
const [digits, symbols] = [await session("model.onnx"), await session("symbols.onnx")];

/** @type {(name: string) => Promise<ort.InferenceSession>} */
function session(name) {
  return ort.InferenceSession.create(new URL(`../page/${name}`, import.meta.url).pathname);
}

/** @type {import("../page/recognizer.js").Network} */
async function network(glyphs, places) {
  const count = glyphs.length / 784, ink = new ort.Tensor("float32", glyphs, [count, 1, 28, 28]);
  const { logits, novelty } = await digits.run({ ink });
  const kinds = places && await symbols.run({ ink, places: new ort.Tensor("float32", places, [count, 4]) });
  return { logits: logits.data, novelty: novelty.data, kinds: kinds?.logits.data };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { strokes, single } = JSON.parse(line);
  const candidates = segmentStrokes(strokes, single).map((candidatesOfLine) =>
    candidatesOfLine.map((candidate) => ({ ...candidate, glyph: candidate.glyph && [...candidate.glyph] })));
  const numbers = await read(strokes, single, network);
  const text = numbers.map((number) => number.map(labelOf).join("")).join(" ");
  console.log(JSON.stringify({ candidates, text }));
}
