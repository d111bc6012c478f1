// Draw strokes as a glyph: a 28x28 image in the form of MNIST's. A port of preprocessing/glyph.py.

/** @typedef {[number, number]} Point x, y; y downwards */
/** @typedef {Point[]} Stroke at least one point */
/** @typedef {[number, number, number, number]} Box left, top, right, bottom */
/** @typedef {{x: number, y: number, aheadX: number, aheadY: number, half: number}} Segment middle, direction, length / 2 */

export const SIZE = 28;
const LONGEST = 20, CENTRE = 14, PEN_WIDTH = 2.5, EDGE_WIDTH = 2.2, SPACING = 0.3;

/**
 * Draw strokes as a glyph, as `draw_strokes` does.
 * @type {(strokes: Stroke[], box: Box) => Float32Array} `box` is that of all strokes; 28 rows of 28, ink 1 on 0
 */
export function drawStrokes(strokes, [left, top, right, bottom]) {
  const extent = Math.max(right - left, bottom - top);
  const scale = extent > 0 ? (LONGEST - PEN_WIDTH) / extent : 0;
  const scaled = strokes.map((stroke) => stroke.map(([x, y]) => /** @type {Point} */ ([(x - left) * scale, (y - top) * scale])));
  const segments = scaled.flatMap((stroke) => segmentsOf(thinned(stroke)));
  const width = (right - left) * scale + PEN_WIDTH, height = (bottom - top) * scale + PEN_WIDTH;
  const margin = EDGE_WIDTH / 2 + SPACING;
  return render(width, height, (x, y) => {
    const near = x > -margin && x < width + margin && y > -margin && y < height + margin;
    return near ? PEN_WIDTH / 2 - distance(x - PEN_WIDTH / 2, y - PEN_WIDTH / 2, segments) : -EDGE_WIDTH;
  });
}

/** Remove points closer than SPACING to the one before, but no end. @type {(stroke: Stroke) => Stroke} */
function thinned(stroke) {
  if (stroke.length < 3) return stroke;
  const cells = arcLength(stroke).map((length) => Math.floor(length / SPACING));
  return stroke.filter((_, i) => i === 0 || i === stroke.length - 1 || cells[i] > cells[i - 1]);
}

/** Return the length from the start of a stroke to each of its points. @type {(stroke: Stroke) => number[]} */
export function arcLength(stroke) {
  let length = 0;
  return stroke.map(([x, y], i) => (length += i ? Math.hypot(x - stroke[i - 1][0], y - stroke[i - 1][1]) : 0));
}

/** Return the line segments of a stroke; a lone point is one of length 0. @type {(stroke: Stroke) => Segment[]} */
function segmentsOf(stroke) {
  return stroke.slice(0, Math.max(1, stroke.length - 1)).map(([x, y], i) => {
    const [endX, endY] = stroke[i + 1] ?? [x, y];
    const length = Math.hypot(endX - x, endY - y);
    const [aheadX, aheadY] = length > 1e-6 ? [(endX - x) / length, (endY - y) / length] : [1, 0];
    return { x: (x + endX) / 2, y: (y + endY) / 2, aheadX, aheadY, half: length / 2 };
  });
}

/** Return the distance to the nearest segment. @type {(x: number, y: number, segments: Segment[]) => number} */
function distance(x, y, segments) {
  let nearest = Infinity;
  for (const segment of segments) {
    const dx = x - segment.x, dy = y - segment.y;
    const beyond = Math.max(Math.abs(segment.aheadX * dx + segment.aheadY * dy) - segment.half, 0);
    const beside = segment.aheadX * dy - segment.aheadY * dx;
    nearest = Math.min(nearest, beyond * beyond + beside * beside);
  }
  return Math.sqrt(nearest);
}

/** @typedef {(x: number, y: number) => number} Depth distance to the edge of the ink, positive inside */
/** Draw ink in the middle, with soft edges. @type {(width: number, height: number, depth: Depth) => Float32Array} */
function render(width, height, depth) {
  const left = roundHalfToEven(CENTRE - width / 2), top = roundHalfToEven(CENTRE - height / 2);
  return centred(Float64Array.from({ length: SIZE * SIZE }, (_, i) => {
    const inside = depth((i % SIZE) + 0.5 - left, Math.floor(i / SIZE) + 0.5 - top);
    return Math.min(Math.max(inside / EDGE_WIDTH + 0.5, 0), 1);
  }));
}

/** As Python rounds. @type {(value: number) => number} */
const roundHalfToEven = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

/** Shift by whole pixels so that the centre of mass rounds to (14, 14). @type {(glyph: Float64Array) => Float32Array} */
export function centred(glyph) {
  let total = 0, across = 0, down = 0;
  glyph.forEach((ink, i) => [total, across, down] = [total + ink, across + ink * (i % SIZE), down + ink * Math.floor(i / SIZE)]);
  const [right, below] = [across, down].map((sum) => (total ? -Math.floor(sum / total - CENTRE + 0.5) : 0));
  return Float32Array.from(glyph, (_, i) => {
    const x = (i % SIZE) - right, y = Math.floor(i / SIZE) - below;
    return x >= 0 && x < SIZE && y >= 0 && y < SIZE ? glyph[y * SIZE + x] : 0;
  });
}
