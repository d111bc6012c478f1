// Reads drawings as the page does. Each line of standard input is JSON of {strokes, single}, answered with a line of
// {candidates, text}: those of each line of text, and its digits.

import { createInterface } from "node:readline";

import * as ort from "onnxruntime-web";

import { segmentStrokes } from "../page/candidates.js";
import { labelOf, read } from "../page/recognizer.js";

ort.env.wasm.numThreads = 1;
const model = new URL("../page/model.onnx", import.meta.url).pathname;
const session = await ort.InferenceSession.create(model);

/** @type {import("../page/recognizer.js").Network} */
async function network(glyphs) {
  const { logits, novelty } = await session.run({ ink: new ort.Tensor("float32", glyphs, [glyphs.length / 784, 1, 28, 28]) });
  return { logits: logits.data, novelty: novelty.data };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { strokes, single } = JSON.parse(line);
  const candidates = segmentStrokes(strokes, single).map((candidatesOfLine) =>
    candidatesOfLine.map((candidate) => ({ ...candidate, glyph: candidate.glyph && [...candidate.glyph] })));
  const lines = await read(strokes, single, network);
  const text = lines.map((digits) => digits.map(labelOf).join("")).join(" ");
  console.log(JSON.stringify({ candidates, text }));
}
