// Group the pieces of a line into possible digits. A port of preprocessing/segmentation.py.

import { around, heightOf, quantile, widthOf } from "./line_finding.js";

/** @typedef {import("./glyph.js").Box} Box */

const SPECK_SIZE = 0.3, FLAT_RATIO = 0.2, MAX_PIECES = 4, MAX_GAP = 0.3, MAX_WIDTH = 1.6;

/**
 * Return the runs [start, stop] of neighbouring pieces of a line that may form one digit.
 * @type {(boxes: Box[], joined: boolean[]) => number[][]} `joined`: whether each piece touches the one to its right
 */
export function possibleDigits(boxes, joined) {
  const median = quantile(boxes.map(heightOf), 0.5);
  const height = boxes.length < 3 ? Math.max(median, heightOf(around(boxes))) : median;
  const runs = [];
  for (let start = 0; start < boxes.length; start++) {
    for (let stop = start + 1; stop <= Math.min(start + MAX_PIECES, boxes.length); stop++) {
      const run = boxes.slice(start, stop);
      const near = run.slice(1).every((after, i) => after[0] - run[i][2] < MAX_GAP * height);
      const narrow = widthOf(around(run)) < MAX_WIDTH * height;
      if (joined.slice(start, stop - 1).every(Boolean) || (near && narrow)) runs.push([start, stop]);
    }
  }
  return runs;
}

/** Return the indices of the pieces of a line that may be dirt: small and flat ones. @type {(boxes: Box[]) => number[]} */
export function smallPieces(boxes) {
  const tallest = Math.max(...boxes.map(heightOf));
  const sizes = boxes.map((box) => Math.max(heightOf(box), widthOf(box)));
  return [...boxes.keys()].filter((i) => sizes[i] < SPECK_SIZE * tallest || heightOf(boxes[i]) < FLAT_RATIO * widthOf(boxes[i]));
}
