// Candidates for digits from pen strokes. A port of preprocessing/stroke_candidates.py and candidates.py: strokes have
// one segmentation, and their glyphs no penalty of their own. "Indices" are into the strokes and their boxes.

import { arcLength, drawStrokes } from "./glyph.js";
import { around, findLines, heightOf, possibleDigits, sideBySide, smallPieces, widthOf } from "./segmentation.js";

/** @typedef {import("./glyph.js").Box} Box */
/** @typedef {import("./glyph.js").Stroke} Stroke */
/** @typedef {{start: number, stop: number, glyph: Float32Array | null, box: Box, penalty: number}} Candidate for a digit,
 * pieces `start` to `stop` of a line; without a glyph, it is dirt to be skipped */
/** @typedef {(indices: number[], start: number, stop: number, penalty: number) => Candidate} Draw */

const MAX_PARTS = 150, TOUCH_DISTANCE = 0.04;

/** Return the candidates of each line of a drawing. @type {(strokes: Stroke[], single: boolean) => Candidate[][]} */
export function segmentStrokes(strokes, single) {
  if (!strokes.length) return [];
  const boxes = strokes.map((stroke) => around(stroke.map(([x, y]) => [x, y, x, y])));
  const joinedToNext = new Set();
  const lines = single ? [[[...strokes.keys()]]] : strokeLines(strokes, boxes, joinedToNext);
  return lineCandidates(lines, boxes, joinedToNext, (indices, start, stop, penalty) => {
    const box = around(indices.map((i) => boxes[i]));
    return { start, stop, glyph: drawStrokes(indices.map((i) => strokes[i]), box), box, penalty };
  });
}

/**
 * Return the candidates of each line, given the pieces of each.
 * @type {(lines: number[][][], boxes: Box[], joinedToNext: Set<number>, draw: Draw) => Candidate[][]}
 */
function lineCandidates(lines, boxes, joinedToNext, draw) {
  return lines.map((pieces) => {
    const pieceBoxes = pieces.map((piece) => around(piece.map((i) => boxes[i])));
    const joined = pieces.map((piece) => piece.some((i) => joinedToNext.has(i)));
    const cuts = pieces.map((_, place) => [Number(place > 0 && joined[place - 1]), Number(joined[place])]); // left, right
    const dirt = lines.length === 1 && pieces.length === 1 ? [] : smallPieces(pieceBoxes);
    /** @type {Candidate[]} */
    const line = dirt.map((i) => ({ start: i, stop: i + 1, glyph: null, box: pieceBoxes[i], penalty: 1 }));
    for (const [start, stop] of possibleDigits(pieceBoxes, joined)) {
      line.push(draw(pieces.slice(start, stop).flat(), start, stop, cuts[start][0] + cuts[stop - 1][1]));
    }
    pieces.forEach((piece, place) => {
      const sizes = piece.map((i) => Math.max(heightOf(boxes[i]), widthOf(boxes[i])));
      const largest = piece[sizes.indexOf(Math.max(...sizes))];
      const others = piece.filter((i) => i !== largest);
      // Parts above or below a digit may be dirt; parts inside it are not: a face is not a 0.
      if (others.length && !others.some((i) => encloses(boxes[largest], boxes[i]))) {
        line.push(draw([largest], place, place + 1, cuts[place][0] + cuts[place][1] + 1));
      }
    });
    return line;
  });
}

/** Return whether the centre of `inner` lies within `outer`. @type {(outer: Box, inner: Box) => boolean} */
function encloses(outer, inner) {
  const x = (inner[0] + inner[2]) / 2, y = (inner[1] + inner[3]) / 2;
  return outer[0] < x && x < outer[2] && outer[1] < y && y < outer[3];
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
  const split = (/** @type {number[]} */ group) => (group.length > MAX_PARTS ? [group] : sideBySide(group, boxes));
  const lines = findLines(groups.map((group) => around(group.map((i) => boxes[i])))).map((line) => line.flatMap((piece) => {
    const parts = piece.flatMap((group) => split(groups[group]));
    if (piece.length > 1) return [parts.flat()];
    parts.slice(0, -1).flat().forEach((i) => joinedToNext.add(i));
    return parts;
  }));
  if (lines.flat().length <= MAX_PARTS) return lines;
  joinedToNext.clear();
  return whole;
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
  /** @type {number[][]} */
  const groups = [];
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
