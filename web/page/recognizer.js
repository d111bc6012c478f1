// Read the digits of a drawing. A port of recognition/recognizer.py, without memory.

import { segmentStrokes } from "./candidates.js";
import { SIZE } from "./glyph.js";

/** @typedef {import("./candidates.js").Candidate} Candidate */
/** @typedef {Candidate & {digit: number, probabilities: number[], novelty: number}} Reading */
/** @typedef {(glyphs: Float32Array) => Promise<{logits: Float32Array, novelty: Float32Array}>} Network */

const NOVELTY_SHARPNESS = 15, ASSUMPTION_PENALTY = 1.5, BATCH = 64;

/**
 * Return the digits of each line of a drawing; `single` says that all strokes form one digit.
 * @type {(strokes: import("./glyph.js").Stroke[], single: boolean, network: Network) => Promise<Reading[][]>}
 */
export async function read(strokes, single, network) {
  const lines = segmentStrokes(strokes, single);
  const inked = lines.flat().filter(({ glyph }) => glyph);
  const costs = new Map(lines.flat().map((candidate) => [candidate, ASSUMPTION_PENALTY * candidate.penalty]));
  const readings = new Map();
  for (let start = 0; start < inked.length; start += BATCH) {
    const batch = inked.slice(start, start + BATCH);
    const glyphs = new Float32Array(batch.length * SIZE * SIZE);
    batch.forEach(({ glyph }, i) => glyphs.set(glyph, i * SIZE * SIZE));
    const { logits, novelty } = await network(glyphs);
    batch.forEach((candidate, i) => {
      const own = logits.subarray(10 * i, 10 * i + 10), largest = Math.max(...own), digit = own.indexOf(largest);
      const powers = Array.from(own, (logit) => Math.exp(logit - largest)), sum = powers.reduce((one, other) => one + other);
      const probabilities = powers.map((power) => power / sum);
      const beyond = NOVELTY_SHARPNESS * (novelty[i] - 1);
      const noveltyPenalty = Math.max(beyond, 0) + Math.log1p(Math.exp(-Math.abs(beyond)));
      costs.set(candidate, costs.get(candidate) + noveltyPenalty - Math.log(probabilities[digit]));
      readings.set(candidate, { ...candidate, digit, probabilities, novelty: novelty[i] });
    });
  }
  const digitsOf = (/** @type {Candidate[]} */ line) => line.filter(({ glyph }) => glyph);
  let chains = lines.map((line) => digitsOf(cheapestChain(line, costs)));
  // If all ink was skipped as dirt, none of it may be.
  if (!chains.flat().length) chains = lines.map((line) => cheapestChain(digitsOf(line), costs));
  return chains.filter((chain) => chain.length).map((chain) => chain.map((candidate) => readings.get(candidate)));
}

/** Return whether the ink looks like a digit; if not, `digit` is a guess. @type {(reading: Reading) => boolean} */
export const isDigit = ({ novelty }) => novelty <= 1;

/** Return a digit, or `?` for what is none. @type {(reading: Reading) => string} */
export const labelOf = (reading) => (isDigit(reading) ? String(reading.digit) : "?");

/**
 * Return the chain of candidates from a line's first piece to its last with the lowest total cost.
 * @type {(line: Candidate[], costs: Map<Candidate, number>) => Candidate[]}
 */
function cheapestChain(line, costs) {
  const best = new Map([[0, { cost: 0, chain: [] }]]);
  for (const candidate of line.toSorted((one, other) => one.stop - other.stop)) {
    const { cost: before, chain } = best.get(candidate.start), cost = before + costs.get(candidate);
    if (!(cost >= best.get(candidate.stop)?.cost)) best.set(candidate.stop, { cost, chain: [...chain, candidate] });
  }
  return best.get(Math.max(...best.keys())).chain;
}
