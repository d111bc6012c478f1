// Reads drawings beside the page, so that the pen never waits.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { SIZE } from "./glyph.js";
import { read } from "./recognizer.js";
ort.env.wasm.numThreads = 1; // more need headers that a plain server does not send
const digits = await ort.InferenceSession.create("model.onnx"), symbols = await ort.InferenceSession.create("symbols.onnx");

/** @type {import("./recognizer.js").Network} */
async function network(glyphs, places) {
  const count = glyphs.length / SIZE ** 2, ink = new ort.Tensor("float32", glyphs, [count, 1, SIZE, SIZE]);
  const { logits, novelty } = await digits.run({ ink }, ["logits", "novelty"]);
  const kinds = places && await symbols.run({ ink, places: new ort.Tensor("float32", places, [count, 4]) });
  return { logits: logits.data, novelty: novelty.data, kinds: kinds?.logits.data };
}

await network(new Float32Array(SIZE ** 2), new Float32Array(4)); // the first one is slow
onmessage = ({ data: { strokes, single } }) => read(strokes, single, network).then(postMessage, (error) =>
  setTimeout(() => { throw error; })); // the page does not hear of a rejection
postMessage(null); // ready
