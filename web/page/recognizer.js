// Read the digits and signs of a drawing. A port of recognition/recognizer.py and costs.py, without memory.

import { segmentStrokes } from "./candidates.js";
import { SIZE } from "./glyph.js";

/** @typedef {import("./candidates.js").Candidate} Candidate */
/** @typedef {Candidate & {digit: number, probabilities: number[], novelty: number, kind: string}} Reading its `kind` is
 * "digit" (or unknown) or a sign */
/** @typedef {{logits: Float32Array, novelty: Float32Array, kinds?: Float32Array}} Answers ten logits, a novelty and, if there
 * are places, the logits of KINDS for each glyph */
/** @typedef {(glyphs: Float32Array, places: Float32Array | null) => Promise<Answers>} Network */

const DIGITS = 10, SIGNS = [..."+-x÷=()/.,:%"], CROSSED_OUT = "crossed out";
const KINDS = [..."0123456789", ...SIGNS, "several", CROSSED_OUT, "other"], NAMED = [...SIGNS, CROSSED_OUT];
const NOVELTY_SHARPNESS = 15, ASSUMPTION_PENALTY = 1.5, SIGN_PENALTY = 0.5, CROSSED_OUT_PENALTY = 1.5;
const LONE_SIGN_PENALTY = 4, MAX_SIGN_COST = 3.5;
const UNKNOWN_COST = 7, UNKNOWN_WIDTH = 0.6, MAX_SURPRISE = 5, NO_DIGIT = 2, NO_DIGIT_SLOPE = 9, BATCH = 64;
const SLASHED_DIGITS = 4, LOW_SLASH = 0.95;

/**
 * Return the digits and signs of each number of a drawing, without what is crossed out; `single` says that all strokes
 * form one digit.
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
    const { logits, novelty, kinds } = await network(glyphs, single ? null : Float32Array.from(batch.flatMap(numbersOf)));
    batch.forEach((candidate, i) => {
      const ownKinds = kinds?.subarray(i * KINDS.length, (i + 1) * KINDS.length);
      const [reading, cost] = judge(candidate, logits.subarray(DIGITS * i, DIGITS * (i + 1)), novelty[i], ownKinds);
      costs.set(candidate, costs.get(candidate) + cost);
      readings.set(candidate, reading);
    });
  }
  let chains = lines.map((line) => cheapestChain(line, costs));
  // If all ink was skipped as dirt, none of it may be.
  if (!chains.flat().some(({ glyph }) => glyph)) {
    chains = lines.map((line) => cheapestChain(line.filter(({ glyph }) => glyph), costs));
  }
  const numbers = /** @type {Reading[][]} */ ([]);
  for (const chain of chains) {
    numbers.push([]);
    for (const candidate of chain) {
      const reading = readings.get(candidate);
      if (reading) numbers.at(-1).push(reading);
      if (candidate.endsGroup) numbers.push([]);
    }
  }
  numbers.forEach(mendSlashes);
  return numbers.map((number) => number.filter(({ kind }) => kind !== CROSSED_OUT)).filter((number) => number.length);
}

/** Make what cannot be a slash a digit, in place: a 1 that leans looks like one. @type {(number: Reading[]) => void} */
function mendSlashes(number) {
  const digits = (/** @type {Reading[]} */ run) => [...run, { kind: "end" }].findIndex(({ kind }) => kind !== "digit");
  const height = (/** @type {Reading} */ { box: [, top, , bottom] }) => bottom - top;
  number.forEach((reading, place) => {
    if (reading.kind !== "/") return;
    const counts = [number.slice(0, place).reverse(), number.slice(place + 1)].map(digits);
    const isApart = counts.every((count) => 1 <= count && count <= SLASHED_DIGITS);
    const heights = number.filter(({ kind }) => kind === "digit").map(height);
    const isAlone = number.filter(({ kind }) => kind === "/").length === 1;
    const mean = heights.reduce((sum, each) => sum + each, 0) / heights.length;
    if (!isApart || (isAlone && height(reading) < LOW_SLASH * mean)) reading.kind = "digit";
  });
}

/** Return a place as the network's input, as `numbers_of` does. @type {(candidate: Candidate) => number[]} */
function numbersOf({ place: { width, height, offset, alone } }) {
  const relative = [height, width].map((extent) => Math.log(Math.min(Math.max(extent, 0.02), 8)));
  return [...relative, Math.min(Math.max(offset, -2), 2), Number(alone)];
}

/**
 * Return the reading of a candidate, and what it costs beside its penalty.
 * @type {(candidate: Candidate, logits: Float32Array, novelty: number, kinds?: Float32Array) => [Reading, number]}
 */
function judge(candidate, logits, novelty, kinds) {
  const logs = logSoftmax(logits), digit = logits.indexOf(Math.max(...logits)), beyond = NOVELTY_SHARPNESS * (novelty - 1);
  const reading = { ...candidate, digit, probabilities: logs.map(Math.exp), novelty, kind: "digit" };
  let cost = Math.max(beyond, 0) + Math.log1p(Math.exp(-Math.abs(beyond))) - logs[digit];
  if (!kinds) return [reading, cost];
  const surprises = logSoftmax(kinds).map((log) => Math.min(-log, 9));
  const noDigit = -Math.log(surprises.slice(0, DIGITS).reduce((sum, surprise) => sum + Math.exp(-surprise), 0));
  const surpriseOf = (/** @type {string} */ kind) => surprises[KINDS.indexOf(kind)];
  const kind = NAMED.reduce((best, other) => (surpriseOf(other) < surpriseOf(best) ? other : best));
  const penalty = kind === CROSSED_OUT ? CROSSED_OUT_PENALTY : SIGN_PENALTY;
  const asNamed = surpriseOf(kind) + penalty + LONE_SIGN_PENALTY * Number(candidate.place.alone);
  const unknown = UNKNOWN_COST * Math.max(1, candidate.place.width / UNKNOWN_WIDTH);
  cost += Math.min(noDigit, MAX_SURPRISE);
  if (asNamed < Math.min(cost, MAX_SIGN_COST)) return [{ ...reading, kind }, asNamed];
  const isUnknown = noDigit > MAX_SURPRISE || cost > unknown;
  return isUnknown ? [{ ...reading, novelty: Math.max(novelty, NO_DIGIT) }, unknown] : [reading, cost];
}

/** Return the logarithms of the probabilities. @type {(logits: Float32Array) => number[]} */
function logSoftmax(logits) {
  const largest = Math.max(...logits), total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return Array.from(logits, (logit) => logit - largest - Math.log(total));
}

/** Return whether the ink looks like a digit; if not, `digit` is a guess. @type {(reading: Reading) => boolean} */
export const isDigit = ({ novelty, kind }) => novelty <= 1 && kind === "digit";

/**
 * Return the probability that the ink is this digit, and not none at all; below 0.5 for all ten where it is read as none.
 * @type {(reading: Reading, digit: number) => number}
 */
export function shareOf({ probabilities, novelty }, digit) {
  return probabilities[digit] / (1 + Math.exp(Math.min(50, NO_DIGIT_SLOPE * (novelty - 1))));
}

/** Return a digit, a sign, or `?` for what is neither. @type {(reading: Reading) => string} */
export const labelOf = (reading) => (reading.kind !== "digit" ? reading.kind : isDigit(reading) ? String(reading.digit) : "?");

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
