// Candidates for digits from pen strokes. A port of preprocessing/stroke_candidates.py and candidates.py: strokes have
// one segmentation, and their glyphs no penalty of their own. "Indices" are into the strokes and their boxes.

import { arcLength, drawStrokes } from "./glyph.js";
import {
  SAME_HEIGHT, around, encloses, findGaps, findLines, heightOf, mean, middle, quantile, sideBySide, sizeOf, typicalHeight,
  widthOf,
} from "./line_finding.js";
import { possibleDigits, smallPieces } from "./segmentation.js";

/** @typedef {import("./glyph.js").Box} Box */
/** @typedef {import("./glyph.js").Stroke} Stroke */
/** @typedef {{width: number, height: number, offset: number, alone: boolean}} Place of ink in its line, relative to the height
 * of the line's digits; the offset is that of its centre below theirs; `alone` if there are none */
/** @typedef {{start: number, stop: number, glyph: Float32Array | null, box: Box, penalty: number, place: Place | null,
 * endsGroup: boolean}} Candidate for a digit, pieces `start` to `stop` of a line; without a glyph, it is dirt to be skipped;
 * without a place, it is the only one; `endsGroup` if a wide gap follows */

const MAX_PARTS = 150, TOUCH_DISTANCE = 0.04, WIDE = 0.8, TALL = 0.6, RELATIVE_PEN = 0.08;
const POINT_OFFSET = [0.3, 0.8], SIGN_TOP = 0.35, SIGN_SIZE = 0.35, DIRT_SIZE = 0.5;

/** Return the candidates of each line of a drawing. @type {(strokes: Stroke[], single: boolean) => Candidate[][]} */
export function segmentStrokes(strokes, single) {
  if (!strokes.length) return [];
  const boxes = strokes.map((stroke) => around(stroke.map(([x, y]) => [x, y, x, y])));
  const joinedToNext = new Set();
  const lines = single ? [[[...strokes.keys()]]] : strokeLines(strokes, boxes, joinedToNext);
  const onlyPiece = lines.length === 1 && lines[0].length === 1;
  const candidates = lines.map((pieces) => lineCandidates(strokes, pieces, boxes, joinedToNext, onlyPiece));
  return single ? candidates.map((line) => line.map((candidate) => ({ ...candidate, place: null }))) : candidates;
}

/**
 * Return the candidates of one line, given its pieces.
 * @type {(strokes: Stroke[], pieces: number[][], boxes: Box[], joinedToNext: Set<number>, onlyPiece: boolean) => Candidate[]}
 */
function lineCandidates(strokes, pieces, boxes, joinedToNext, onlyPiece) {
  const pieceBoxes = pieces.map((piece) => around(piece.map((i) => boxes[i])));
  const typical = typicalHeight(pieceBoxes), gaps = findGaps(pieceBoxes);
  const joined = pieces.map((piece) => piece.some((i) => joinedToNext.has(i)));
  /** @type {Candidate[]} */
  const found = (onlyPiece ? [] : smallPieces(pieceBoxes)).map((i) => {
    const { offset } = describePlace(pieceBoxes, i, i + 1, typical), [low, high] = POINT_OFFSET;
    const penalty = low < offset && offset < high ? 2 : 1;
    return { start: i, stop: i + 1, glyph: null, box: pieceBoxes[i], penalty, place: null, endsGroup: gaps.has(i) };
  });
  const add = (/** @type {number[]} */ indices, /** @type {number} */ start, /** @type {number} */ stop, penalty = 0) => {
    const box = around(indices.map((i) => boxes[i])), glyph = drawStrokes(indices.map((i) => strokes[i]), box);
    const cuts = Number(start > 0 && joined[start - 1]) + Number(joined[stop - 1]);
    const place = describePlace(pieceBoxes, start, stop, typical);
    found.push({ start, stop, glyph, box, penalty: penalty + cuts, place, endsGroup: gaps.has(stop - 1) });
  };
  for (const [start, stop] of possibleDigits(pieceBoxes, joined)) {
    if ([...gaps].some((i) => start <= i && i < stop - 1)) continue;
    add(pieces.slice(start, stop).flat(), start, stop, signs(pieces.slice(start, stop), boxes));
  }
  pieces.forEach((piece, at) => {
    const sizes = piece.map((i) => Math.max(heightOf(boxes[i]), widthOf(boxes[i]))), longest = Math.max(...sizes);
    const place = sizes.indexOf(longest), largest = piece[place];
    const others = piece.filter((i) => i !== largest);
    // Small parts above or below a digit may be dirt; parts inside it are not: a face is not a 0.
    const allSmall = sizes.every((size, i) => i === place || size <= DIRT_SIZE * longest);
    if (others.length && allSmall && !others.some((i) => encloses(boxes[largest], boxes[i]))) add([largest], at, at + 1, 1);
  });
  return found;
}

/**
 * Return how many pieces of a digit are rather signs beside all others: points, a minus, or several small parts, a colon.
 * @type {(pieces: number[][], parts: Box[]) => number} `pieces`: indices into the boxes of the parts
 */
function signs(pieces, parts) {
  const boxes = pieces.map((piece) => around(piece.map((i) => parts[i]))), all = around(boxes), height = heightOf(all);
  const found = boxes.filter((box, at) => pieces[at].every((i) => sizeOf(parts[i]) < SIGN_SIZE * height)
    && (pieces[at].length > 1 || middle(box)[1] > all[1] + SIGN_TOP * height)
    && !boxes.some((other) => other !== box && box[0] < other[2] && other[0] < box[2]));
  return boxes.length > 1 ? found.length : 0;
}

/**
 * Describe the size and place of the pieces `start` to `stop` in their line.
 * @type {(boxes: Box[], start: number, stop: number, typical: number) => Place} `typical`: height of the line's digits
 */
function describePlace(boxes, start, stop, typical) {
  const box = around(boxes.slice(start, stop)), [x, y] = middle(box), [low, high] = SAME_HEIGHT.map((ratio) => ratio * typical);
  const tall = [...boxes.keys()].filter(
    (i) => (i < start || i >= stop) && low <= heightOf(boxes[i]) && heightOf(boxes[i]) <= high);
  const near = tall.toSorted((i, j) => Math.abs(i - start) - Math.abs(j - start)).slice(0, 4);
  const height = tall.length ? quantile(near.map((i) => sizeOf(boxes[i])), 0.5)
    : Math.max(heightOf(box), 0.3 * widthOf(box), 1e-12);
  const sides = [tall.filter((i) => i < start).slice(-2), tall.filter((i) => i >= stop).slice(0, 2)].filter(
    (side) => side.length).map((side) => [0, 1].map((axis) => mean(side.map((i) => middle(boxes[i])[axis]))));
  let centre = sides[0]?.[1] ?? y;
  if (sides.length === 2) {
    const [[x0, y0], [x1, y1]] = sides;
    centre = x0 < x && x < x1 ? y0 + ((y1 - y0) * (x - x0)) / Math.max(x1 - x0, 1e-12) : (y0 + y1) / 2;
  }
  const [width, own] = [widthOf(box), heightOf(box)].map((extent) => extent / height + RELATIVE_PEN);
  return { width, height: own, offset: (y - centre) / height, alone: !tall.length };
}

/**
 * Return lines of pieces, each a list of strokes. Strokes that touch but stand side by side are separate pieces;
 * those of a piece that touches the one to its right are added to `joinedToNext`.
 * @type {(strokes: Stroke[], boxes: Box[], joinedToNext: Set<number>) => number[][][]}
 */
function strokeLines(strokes, boxes, joinedToNext) {
  const whole = [[[...strokes.keys()]]];
  const groups = touching(strokes, boxes);
  if (groups.length > MAX_PARTS) return whole;
  const groupBoxes = groups.map((group) => around(group.map((i) => boxes[i])));
  const halfPen = (RELATIVE_PEN * typicalHeight(groupBoxes)) / 2; // a tap, such as a point, has a size too
  const grown = groupBoxes.map(([left, top, right, bottom]) => /** @type {Box} */ (
    [left - halfPen, top - halfPen, right + halfPen, bottom + halfPen]));
  const lines = findLines(grown).map((line) => line.flatMap((piece) => {
    const parts = piece.flatMap((group) => splitGroup(groups[group], boxes));
    if (piece.length > 1) return [parts.flat()];
    parts.slice(0, -1).flat().forEach((i) => joinedToNext.add(i));
    return parts;
  }));
  if (lines.flat().length <= MAX_PARTS) return lines;
  joinedToNext.clear();
  return whole;
}

/** Split touching strokes into those that stand side by side. @type {(group: number[], boxes: Box[]) => number[][]} */
function splitGroup(group, boxes) {
  if (group.length > MAX_PARTS) return [group];
  const box = around(group.map((i) => boxes[i]));
  // In a group as wide as several digits, each stroke as tall as a digit may be one.
  const wide = widthOf(box) > WIDE * heightOf(box);
  return sideBySide(group, boxes, new Set(group.filter((i) => wide && heightOf(boxes[i]) > TALL * heightOf(box))));
}

/** Group the strokes that run through connected cells of a grid. @type {(strokes: Stroke[], boxes: Box[]) => number[][]} */
function touching(strokes, boxes) {
  const all = around(boxes), extent = Math.max(widthOf(all), heightOf(all));
  const largest = Math.max(...boxes.map((box) => Math.max(widthOf(box), heightOf(box))));
  const cell = Math.max(TOUCH_DISTANCE * largest, extent / 1000) || 1;
  const row = Math.trunc(widthOf(all) / cell) + 2; // the last column stays empty, so that rows do not touch at their ends
  const cells = strokes.map((stroke) => resampled(stroke, cell / 2).map(
    ([x, y]) => Math.trunc((y - all[1]) / cell) * row + Math.trunc((x - all[0]) / cell)));
  const inked = new Set(cells.flat()), /** @type {Map<number, number>} */ label = new Map();
  const groups = /** @type {number[][]} */ ([]);
  cells.forEach(([start], index) => {
    if (!label.has(start)) {
      const waiting = [start], number = groups.push([]) - 1;
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        if (!inked.has(at) || label.has(at)) continue;
        label.set(at, number);
        for (const next of [at - row, at, at + row]) waiting.push(next - 1, next, next + 1);
      }
    }
    groups[label.get(start)].push(index);
  });
  return groups;
}

/** Return points along the stroke that are at most `spacing` apart. @type {(stroke: Stroke, spacing: number) => Stroke} */
function resampled(stroke, spacing) {
  if (stroke.length < 2) return stroke;
  const length = arcLength(stroke), total = length[length.length - 1];
  const last = Math.trunc(Math.min(total / spacing, 100_000)) + 1;
  let i = 0;
  return Array.from({ length: last + 1 }, (_, n) => {
    const at = (total * n) / last;
    while (i < stroke.length - 2 && length[i + 1] <= at) i++;
    const share = Math.min((at - length[i]) / (length[i + 1] - length[i]), 1) || 0;
    return [stroke[i][0] + (stroke[i + 1][0] - stroke[i][0]) * share, stroke[i][1] + (stroke[i + 1][1] - stroke[i][1]) * share];
  });
}
