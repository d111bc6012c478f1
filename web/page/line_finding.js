// Find lines of writing: which boxes of strokes stand side by side, in which order. A port of
// preprocessing/line_finding.py. "Indices" are into the boxes; `typical` is the height that most of them agree on.

/** @typedef {import("./glyph.js").Box} Box */

const DIGIT_HEIGHT = [0.45, 2.6], MIN_SIZE = 0.05, ISOLATED_SIZE = 0.3, FLAT = 0.25, UNDERLINE_WIDTH = 1.5, STACK_HEIGHT = 1.35;
const MAX_STEP = 2.5, MAX_RISE = 0.75, LINE_RISE = 0.55, LONE_GAP = 2, SIGN_GAP = 1.3;
export const SAME_HEIGHT = [0.6, 1.5];

export const widthOf = (/** @type {Box} */ box) => box[2] - box[0];
export const heightOf = (/** @type {Box} */ box) => box[3] - box[1];
/** Return the height, or half the width if that is larger, so that a dash has a size. @type {(box: Box) => number} */
export const sizeOf = (box) => Math.max(heightOf(box), 0.5 * widthOf(box));
export const middle = (/** @type {Box} */ box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
const sum = (/** @type {number[]} */ values) => values.reduce((one, other) => one + other, 0);
export const mean = (/** @type {number[]} */ values) => sum(values) / values.length;

/** Return the bounding box of at least one box. @type {(boxes: Box[]) => Box} */
export const around = (boxes) => boxes.reduce(([left, top, right, bottom], box) => [
  Math.min(left, box[0]), Math.min(top, box[1]), Math.max(right, box[2]), Math.max(bottom, box[3])]);
const boxOf = (/** @type {number[]} */ indices, /** @type {Box[]} */ boxes) => around(indices.map((i) => boxes[i]));

/** Return whether the centre of `inner` lies within `outer`. @type {(outer: Box, inner: Box) => boolean} */
export function encloses(outer, inner) {
  const [x, y] = middle(inner);
  return outer[0] < x && x < outer[2] && outer[1] < y && y < outer[3];
}

/** Return a quantile, between two values in proportion. @type {(values: number[], share: number) => number} */
export function quantile(values, share) {
  const sorted = values.toSorted((one, other) => one - other), at = share * (values.length - 1), low = Math.floor(at);
  return sorted[low] + ((sorted[low + 1] ?? sorted[low]) - sorted[low]) * (at - low);
}

/** Group boxes into lines from top to bottom, each of pieces from left to right. @type {(boxes: Box[]) => number[][][]} */
export function findLines(boxes) {
  const typical = typicalHeight(boxes), sizes = boxes.map(sizeOf), [low, high] = DIGIT_HEIGHT.map((ratio) => ratio * typical);
  const kept = [...boxes.keys()].filter(
    (i) => sizes[i] >= MIN_SIZE * typical && !isFrame(i, boxes, typical) && !isUnderline(boxes[i], typical));
  const largest = [[[sizes.indexOf(Math.max(...sizes))]]];
  if (!kept.length) return largest;
  const digits = stacks(kept.filter((i) => low <= sizes[i] && sizes[i] <= high), boxes, typical);
  let lines = words(digits, boxes);
  for (let i = 0; i < 2; i++) lines = joinWords(lines, boxes); // the slope of longer lines is surer than that of single numbers
  addSmall(kept.filter((i) => sizes[i] < low), lines, boxes, typical);
  if (!lines.length) return largest;
  const slope = slopeOf(lines, boxes);
  const level = (/** @type {number[]} */ line) => mean(line.map((i) => middle(boxes[i])[1] - slope * middle(boxes[i])[0]));
  return lines.sort((one, other) => level(one) - level(other)).map((line) => pieces(line, boxes));
}

/** Return the height that most boxes agree on; larger ones count more. @type {(boxes: Box[]) => number} */
export function typicalHeight(boxes) {
  const upright = boxes.filter((box) => heightOf(box) > FLAT * widthOf(box));
  const sizes = (upright.length ? upright : boxes).map(sizeOf), [low, high] = SAME_HEIGHT;
  const agree = (/** @type {number} */ ratio) => low <= ratio && ratio <= high;
  const votes = sizes.map((size) => sum(sizes.map((other) => (agree(other / Math.max(size, 1e-12)) ? other ** 0.6 : 0))));
  const most = Math.max(...votes);
  return Math.max(1e-12, ...sizes.filter((_, i) => votes[i] >= 0.999 * most));
}

/**
 * Return whether a box is far too large for a digit, or is drawn around several of them.
 * @type {(index: number, boxes: Box[], typical: number) => boolean}
 */
function isFrame(index, boxes, typical) {
  const height = heightOf(boxes[index]);
  const inside = boxes.filter((box, i) => i !== index && encloses(boxes[index], box) && sizeOf(box) >= 0.45 * typical
    && heightOf(box) < 0.9 * height);
  return height > DIGIT_HEIGHT[1] * typical || inside.length >= 2;
}

/** Return whether a box is too wide and flat for a digit or a sign. @type {(box: Box, typical: number) => boolean} */
const isUnderline = (box, typical) => heightOf(box) < FLAT * widthOf(box) && widthOf(box) > UNDERLINE_WIDTH * typical;

/**
 * Join boxes above one another that together are no taller than a digit.
 * @type {(indices: number[], boxes: Box[], typical: number) => number[][]}
 */
function stacks(indices, boxes, typical) {
  const groups = /** @type {number[][]} */ ([]);
  for (const index of largestFirst(indices, boxes)) {
    const group = groups.find((each) => {
      const others = each.map((i) => boxes[i]), both = around([boxes[index], ...others]);
      const tallest = Math.max(typical, ...others.map(heightOf));
      return overlap(boxes[index], around(others), 0) > 0.5 && heightOf(both) <= STACK_HEIGHT * tallest;
    });
    group ? group.push(index) : groups.push([index]);
  }
  return groups;
}

const largestFirst = (/** @type {number[]} */ indices, /** @type {Box[]} */ boxes) =>
  indices.toSorted((i, j) => sizeOf(boxes[j]) - sizeOf(boxes[i]));

/** Join each group of boxes to its nearest neighbour on the right. @type {(groups: number[][], boxes: Box[]) => number[][]} */
function words(groups, boxes) {
  const outer = groups.map((group) => boxOf(group, boxes));
  return chains(groups, (i, j) => {
    const [first, second] = [outer[i], outer[j]], [[x0, y0], [x1, y1]] = [middle(first), middle(second)];
    const height = Math.max(sizeOf(first), sizeOf(second)), gap = second[0] - first[2], rise = Math.abs(y1 - y0);
    if (x1 <= x0 || gap > MAX_STEP * height || rise > MAX_RISE * height) return null;
    const apart = rise > 0.25 * height && overlap(first, second, 1) < 0.3;
    return apart && gap >= 0.5 * height ? null : Math.max(gap, 0) + 1.5 * rise;
  });
}

/**
 * Link groups to one left and one right neighbour each, the cheapest links first, and join those that are linked.
 * @type {(groups: number[][], cost: (left: number, right: number) => number | null) => number[][]} null: cannot be linked
 */
function chains(groups, cost) {
  const places = [...groups.keys()], after = new Map(), before = new Set();
  const links = places.flatMap((i) => places.map((j) => ({ left: i, right: j, cost: i === j ? null : cost(i, j) })));
  for (const { left, right } of links.filter((link) => link.cost !== null).sort((one, other) => one.cost - other.cost)) {
    if (after.has(left) || before.has(right)) continue;
    let end = right;
    while (after.has(end)) end = after.get(end);
    if (end === left) continue;
    after.set(left, right);
    before.add(right);
  }
  return places.filter((place) => !before.has(place)).map((start) => {
    const joined = [];
    for (let at = start; at !== undefined; at = after.get(at)) joined.push(...groups[at]);
    return joined;
  });
}

/** Return the median slope of the lines, dy/dx, weighted by their width. @type {(lines: number[][], boxes: Box[]) => number} */
function slopeOf(lines, boxes) {
  const slopes = lines.flatMap((line) => {
    const tallest = Math.max(...line.map((i) => sizeOf(boxes[i])));
    const points = line.filter((i) => sizeOf(boxes[i]) > 0.6 * tallest).map((i) => middle(boxes[i]));
    const xs = points.map(([x]) => x), width = Math.max(...xs) - Math.min(...xs);
    const x0 = mean(xs), y0 = mean(points.map(([, y]) => y));
    const slope = sum(points.map(([x, y]) => (x - x0) * (y - y0))) / sum(xs.map((x) => (x - x0) ** 2));
    return points.length > 2 && width > 0 ? [{ slope, width }] : [];
  }).sort((one, other) => one.slope - other.slope);
  const half = sum(slopes.map(({ width }) => width)) / 2;
  let passed = 0;
  const slope = slopes.find(({ width }) => (passed += width) >= half)?.slope ?? 0;
  return Math.min(Math.max(slope, -0.5), 0.5);
}

/** Join words that continue one another along the slope. @type {(groups: number[][], boxes: Box[]) => number[][]} */
function joinWords(groups, boxes) {
  const slope = slopeOf(groups, boxes), outer = groups.map((word) => boxOf(word, boxes));
  const ends = groups.map((word) => { // x, y and height of the first two boxes, and of the last two
    const places = word.map((i) => [...middle(boxes[i]), sizeOf(boxes[i])]);
    places.sort((one, other) => one[0] - other[0] || one[1] - other[1] || one[2] - other[2]);
    return [places.slice(0, 2), places.slice(-2)].map((two) => [0, 1, 2].map((k) => mean(two.map((place) => place[k]))));
  });
  return chains(groups, (i, j) => {
    const [x0, y0, height0] = ends[i][1], [x1, y1, height1] = ends[j][0];
    const gap = outer[j][0] - outer[i][2], height = Math.min(height0, height1);
    const rise = Math.min(Math.abs(y1 - y0 - slope * (x1 - x0)), Math.abs(y1 - y0));
    return gap < -0.2 * height || rise >= LINE_RISE * height ? null : gap + 4 * rise;
  });
}

/**
 * Add each small box, such as a point, to the line that it stands in; a larger one alone is a line.
 * @type {(small: number[], lines: number[][], boxes: Box[], typical: number) => void}
 */
function addSmall(small, lines, boxes, typical) {
  const digits = lines.flatMap((line) => line.map((i) => ({ line, digit: boxes[i] })));
  for (const index of largestFirst(small, boxes)) {
    const box = boxes[index], y = middle(box)[1];
    let best = null, nearest = Infinity;
    for (const { line, digit } of digits) {
      const height = Math.max(sizeOf(digit), 0.6 * typical);
      const beside = Math.max(box[0] - digit[2], digit[0] - box[2], 0) / height;
      const outside = Math.max(digit[1] - y, y - digit[3]) / height, away = beside + 2 * Math.max(outside, 0);
      if (beside < SIGN_GAP && outside < 0.35 && away < nearest) [best, nearest] = [line, away];
    }
    if (best) best.push(index);
    else if (sizeOf(box) >= ISOLATED_SIZE * typical) lines.push([index]);
  }
}

/** Group the boxes of a line into pieces, from left to right. @type {(line: number[], boxes: Box[]) => number[][]} */
function pieces(line, boxes) {
  const height = (/** @type {number} */ i) => heightOf(boxes[i]);
  const tallest = Math.max(...line.map(height));
  const highestFirst = line.toSorted((i, j) => height(j) - height(i));
  return stacked(highestFirst.map((i) => [i, height(i) < 0.5 * tallest ? 0.5 : 0.7]), boxes);
}

/**
 * Group boxes that stand mostly above one another, from left to right.
 * @type {(indices: number[], boxes: Box[], apart: Set<number>) => number[][]} `apart`: boxes that each start a group
 */
export function sideBySide(indices, boxes, apart) {
  const widestFirst = indices.toSorted((i, j) => widthOf(boxes[j]) - widthOf(boxes[i]));
  const order = [...widestFirst.filter((i) => apart.has(i)), ...widestFirst.filter((i) => !apart.has(i))];
  return stacked(order.map((i) => [i, apart.has(i) ? 2 : 0.3]), boxes);
}

/**
 * Add boxes one by one to the group that each overlaps most horizontally; groups go from left to right.
 * @type {(thresholds: number[][], boxes: Box[]) => number[][]} index, and the overlap below which it starts a group
 */
function stacked(thresholds, boxes) {
  const place = (/** @type {number[]} */ group) => boxOf(group, boxes)[0] + boxOf(group, boxes)[2];
  const groups = /** @type {number[][]} */ ([]);
  for (const [index, threshold] of thresholds) {
    const overlaps = groups.map((group) => overlap(boxes[index], boxOf(group, boxes), 0));
    const most = Math.max(...overlaps);
    most > threshold ? groups[overlaps.indexOf(most)].push(index) : groups.push([index]);
  }
  return groups.sort((one, other) => place(one) - place(other));
}

/** Return after which pieces of a line, given from left to right, a new number begins. @type {(boxes: Box[]) => Set<number>} */
export function findGaps(boxes) {
  const height = Math.max(quantile(boxes.map(sizeOf), 0.5), 1e-12);
  const apart = (/** @type {Box[]} */ line) => line.slice(1).map( // the gap to the next box, and the step to its centre
    (after, i) => [after[0] - line[i][2], middle(after)[0] - middle(line[i])[0]]);
  const tall = boxes.filter((box) => sizeOf(box) >= SAME_HEIGHT[0] * height);
  let [widest, longest] = [LONE_GAP * height, 0];
  if (tall.length > 3) { // else too few to tell what is usual
    const [gap, step] = [0, 1].map((k) => Math.max(quantile(apart(tall).map((pair) => pair[k]), 0.4), 0));
    [widest, longest] = [Math.max(0.7 * height, gap + 0.5 * height, 2 * gap), 1.5 * step];
  }
  return new Set(apart(boxes).flatMap(([gap, step], i) => (gap > widest && step > longest ? [i] : [])));
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
