// The paper: strokes of a mouse, a pen or a finger, undo and clear. Coordinates do not depend on the canvas: (0, 0) is
// its middle and SIDE its shorter side, so that a drawing stays in view when the screen turns.

/** @typedef {import("./glyph.js").Stroke} Stroke */
/** @typedef {{box: import("./glyph.js").Box, label: string, chosen: boolean}} Mark a box around a digit */

const SIDE = 400, PEN = 15, MARGIN = 18, PADDING = 12; // between ink and the edge of the paper, and its box

export class Drawing {
  /** @type {Stroke[]} */ strokes = [];
  /** @type {Stroke[][]} the strokes before each action, for undo */ before = [];
  /** @type {Mark[]} */ marks = [];
  /** @type {number | null} that draws */ #pointer = null;
  #scale = 1; #due = 0;

  /** @param {HTMLCanvasElement} canvas @param {() => void} onChange called after each change of the strokes */
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    canvas.addEventListener("pointerdown", (event) => {
      if (this.#pointer !== null || event.button) return; // a second finger, or another button
      canvas.setPointerCapture(event.pointerId);
      this.#pointer = event.pointerId;
      this.before.push(this.strokes);
      this.strokes = [...this.strokes, []];
      this.#extend(event);
    });
    canvas.addEventListener("pointermove", (event) => event.pointerId === this.#pointer && this.#extend(event));
    canvas.addEventListener("lostpointercapture", (event) => event.pointerId === this.#pointer && (this.#pointer = null));
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  undo = () => this.before.length && this.#replace(this.before.pop());
  clear = () => this.strokes.length && this.before.push(this.strokes) && this.#replace([]);
  paint = () => this.#due ||= requestAnimationFrame(() => this.#paintNow());

  #replace(strokes) {
    Object.assign(this, { strokes, marks: [] });
    this.#pointer = null;
    this.#fit();
    this.onChange();
  }

  /** Add the positions of an event, and those that the browser merged with it. @type {(event: PointerEvent) => void} */
  #extend(event) {
    const merged = event.getCoalescedEvents?.() ?? [], { left, top, width, height } = this.canvas.getBoundingClientRect();
    for (const { clientX, clientY } of merged.length ? merged : [event]) {
      this.strokes.at(-1).push([(clientX - left - width / 2) / this.#scale, (clientY - top - height / 2) / this.#scale]);
    }
    this.paint();
    this.onChange();
  }

  /** Choose the scale with which all ink is in view, and paint. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const scales = this.strokes.flat().map(
      ([x, y]) => Math.min(width / (Math.abs(x) + MARGIN), height / (Math.abs(y) + MARGIN)) / 2);
    this.#scale = scales.reduce((one, other) => Math.min(one, other), Math.min(width, height) / SIDE);
    Object.assign(this.canvas, { width: width * devicePixelRatio, height: height * devicePixelRatio });
    this.#paintNow();
  }

  #paintNow() {
    this.#due = 0;
    const context = this.canvas.getContext("2d"), { width, height } = this.canvas;
    const style = getComputedStyle(this.canvas), scale = this.#scale * devicePixelRatio;
    const letters = Math.max(17, 14 / this.#scale); // at least 14 CSS pixels
    context.setTransform(scale, 0, 0, scale, width / 2, height / 2);
    context.clearRect(-width / scale, -height / scale, 2 * width / scale, 2 * height / scale);
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: style.color });
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      stroke.forEach(([x, y], i) => { // curves from the middle of one line to that of the next
        const [nextX, nextY] = stroke[i + 1] ?? [x, y];
        context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
      });
      context.stroke();
    }
    for (const { box: [left, top, right, bottom], label, chosen } of this.marks) {
      const colour = style.getPropertyValue(chosen ? "--accent" : "--soft");
      Object.assign(context, { lineWidth: 1.5, strokeStyle: colour, fillStyle: colour, font: `600 ${letters}px system-ui` });
      context.beginPath();
      context.roundRect(left - PADDING, top - PADDING, right - left + 2 * PADDING, bottom - top + 2 * PADDING, 6);
      context.stroke();
      const above = top - PADDING - 5, fits = above - letters > -height / scale / 2;
      context.fillText(label, left - PADDING, fits ? above : bottom + PADDING + letters);
    }
  }
}
