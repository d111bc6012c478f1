// Group the boxes of strokes into lines, and the pieces of a line into possible digits. A port of
// preprocessing/segmentation.py. "Indices" are into the boxes.

/** @typedef {import("./glyph.js").Box} Box */

const SPECK_SIZE = 0.3, FLAT_RATIO = 0.2, TALL_HEIGHT = 0.5, MAX_PIECES = 4, MAX_GAP = 0.3, MAX_WIDTH = 1.6;

export const widthOf = (/** @type {Box} */ box) => box[2] - box[0];
export const heightOf = (/** @type {Box} */ box) => box[3] - box[1];

/** Return the bounding box of at least one box. @type {(boxes: Box[]) => Box} */
export const around = (boxes) => boxes.reduce(([left, top, right, bottom], box) => [
  Math.min(left, box[0]), Math.min(top, box[1]), Math.max(right, box[2]), Math.max(bottom, box[3])]);

/** Group boxes into lines from top to bottom, each of pieces from left to right. @type {(boxes: Box[]) => number[][][]} */
export function findLines(boxes) {
  const sizes = boxes.map((box) => Math.max(heightOf(box), 0.5 * widthOf(box)));
  const tallest = Math.max(...sizes), tall = sizes.map((size) => size >= TALL_HEIGHT * tallest);
  const bandOf = (/** @type {number[]} */ line) => around(line.map((i) => boxes[i]));
  const middle = boxes.map((box) => (box[1] + box[3]) / 2);
  /** @type {number[][]} */
  const lines = [];
  for (const index of [...boxes.keys()].filter((i) => tall[i]).sort((i, j) => middle[i] - middle[j])) {
    const line = lines.find((each) => overlap(boxes[index], bandOf(each), 1) > 0.5);
    line ? line.push(index) : lines.push([index]);
  }
  const bands = lines.map(bandOf);
  for (const index of [...boxes.keys()].filter((i) => !tall[i])) {
    const gaps = bands.map((band) => distance(boxes[index], band));
    const nearest = gaps.indexOf(Math.min(...gaps));
    if (gaps[nearest] < MAX_GAP * heightOf(bands[nearest])) {
      if (heightOf(boxes[index]) >= 0.04 * tallest || sizes[index] >= 0.1 * tallest) lines[nearest].push(index);
    } else if (sizes[index] >= SPECK_SIZE * tallest) {
      lines.push([index]);
      bands.push(boxes[index]);
    }
  }
  return lines.sort((one, other) => bandOf(one)[1] - bandOf(other)[1]).map((line) => pieces(line, boxes));
}

/** Group the boxes of a line into pieces, from left to right. @type {(line: number[], boxes: Box[]) => number[][]} */
function pieces(line, boxes) {
  const height = (/** @type {number} */ i) => heightOf(boxes[i]);
  const tallest = Math.max(...line.map(height));
  const highestFirst = line.toSorted((i, j) => height(j) - height(i));
  return stacked(highestFirst.map((i) => [i, height(i) < TALL_HEIGHT * tallest ? 0.5 : 0.7]), boxes);
}

/** Group boxes that stand above one another, from left to right. @type {(indices: number[], boxes: Box[]) => number[][]} */
export const sideBySide = (indices, boxes) =>
  stacked(indices.toSorted((i, j) => widthOf(boxes[j]) - widthOf(boxes[i])).map((i) => [i, 0.3]), boxes);

/**
 * Add boxes one by one to the group that each overlaps most horizontally; groups go from left to right.
 * @type {(thresholds: number[][], boxes: Box[]) => number[][]} index, and the overlap below which it starts a group
 */
function stacked(thresholds, boxes) {
  const boxOf = (/** @type {number[]} */ group) => around(group.map((i) => boxes[i]));
  const place = (/** @type {number[]} */ group) => boxOf(group)[0] + boxOf(group)[2];
  /** @type {number[][]} */
  const groups = [];
  for (const [index, threshold] of thresholds) {
    const overlaps = groups.map((group) => overlap(boxes[index], boxOf(group), 0));
    const most = Math.max(...overlaps);
    most > threshold ? groups[overlaps.indexOf(most)].push(index) : groups.push([index]);
  }
  return groups.sort((one, other) => place(one) - place(other));
}

/**
 * Return the runs [start, stop] of neighbouring pieces of a line that may form one digit.
 * @type {(boxes: Box[], joined: boolean[]) => number[][]} `joined`: whether each piece touches the one to its right
 */
export function possibleDigits(boxes, joined) {
  const heights = boxes.map(heightOf).sort((one, other) => one - other);
  let height = (heights[(heights.length - 1) >> 1] + heights[heights.length >> 1]) / 2; // the median
  if (boxes.length < 3) height = Math.max(height, heightOf(around(boxes)));
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

/**
 * Return the shared extent along an axis (0: x, 1: y) as a share of the smaller extent, 0 to 1.
 * @type {(first: Box, second: Box, axis: number) => number}
 */
function overlap(first, second, axis) {
  const low = Math.max(first[axis], second[axis]), high = Math.min(first[axis + 2], second[axis + 2]);
  const smaller = Math.min(first[axis + 2] - first[axis], second[axis + 2] - second[axis]);
  return smaller <= 0 ? Number(high >= low) : Math.max(0, high - low) / smaller;
}

/** Return the distance between two boxes, 0 if they touch. @type {(first: Box, second: Box) => number} */
function distance(first, second) {
  return Math.hypot(...[0, 1].map((axis) => Math.max(first[axis] - second[axis + 2], second[axis] - first[axis + 2], 0)));
}
