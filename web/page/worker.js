// Reads drawings beside the page, so that the pen never waits.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { SIZE } from "./glyph.js";
import { read } from "./recognizer.js";
ort.env.wasm.numThreads = 1; // more need headers that a plain server does not send
const session = await ort.InferenceSession.create("model.onnx");

/** @type {import("./recognizer.js").Network} */
async function network(glyphs) {
  const ink = new ort.Tensor("float32", glyphs, [glyphs.length / SIZE ** 2, 1, SIZE, SIZE]);
  const { logits, novelty } = await session.run({ ink }, ["logits", "novelty"]);
  return { logits: logits.data, novelty: novelty.data };
}

await network(new Float32Array(SIZE ** 2)); // the first one is slow
onmessage = ({ data: { strokes, single } }) => read(strokes, single, network).then(postMessage, (error) =>
  setTimeout(() => { throw error; })); // the page does not hear of a rejection
postMessage(null); // ready
