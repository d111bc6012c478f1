// Connects the paper, the worker that reads and what is shown.

import { Drawing } from "./drawing.js";
import { SIZE } from "./glyph.js";
import { isDigit, labelOf } from "./recognizer.js";

/** @typedef {import("./recognizer.js").Reading} Reading */

/** @type {(id: string) => any} */
const element = (id) => document.getElementById(id);
const page = document.documentElement; // style.css shows the texts of its `lang` and its `data-state`
const worker = new Worker("worker.js", { type: "module" });
const drawing = new Drawing(element("paper"), changed);
let busy = true, waiting = false, asked = 0; // the worker is busy; a newer drawing waits for it; when it was asked, in ms
let lines = /** @type {Reading[][]} */ ([]), chosen = 0; // the digit that is shown in detail

function changed() {
  element("undo").disabled = !drawing.before.length;
  element("clear").disabled = !drawing.strokes.length;
  if (!drawing.strokes.length) show([]);
  else if (busy) waiting = true;
  else ask();
}

function ask() {
  [busy, waiting, asked] = [true, false, performance.now()];
  worker.postMessage({ strokes: drawing.strokes, single: element("single").checked });
}

worker.onmessage = ({ data: reading }) => { // null when the worker is ready
  busy = false;
  if (reading && drawing.strokes.length) {
    show(reading);
    performance.clearMeasures();
    performance.measure("reading", { start: asked });
  } else if (!reading) {
    page.dataset.state = "blank";
    navigator.serviceWorker?.register("sw.js");
    navigator.serviceWorker?.ready.then(() => page.dataset.offline = "true");
  }
  if (waiting && drawing.strokes.length) ask();
};
worker.onerror = () => page.dataset.state = "failed";

/** Show a reading; none for a blank paper. @type {(reading: Reading[][]) => void} */
function show(reading) {
  const digits = reading.flat(), labels = digits.map(labelOf);
  if (digits.length !== lines.flat().length) chosen = Math.max(0, digits.length - 1);
  lines = reading;
  if (digits.length) page.dataset.state = digits.every(isDigit) ? "read" : "unsure";
  else if (!["loading", "failed"].includes(page.dataset.state ?? "")) page.dataset.state = "blank";
  const confidences = digits.map(({ digit, probabilities }) => probabilities[digit]);
  element("confidence").textContent = digits.length ? percent(Math.min(...confidences)) : "";
  element("text").replaceChildren(...lines.map((line) => {
    const group = document.createElement("span");
    group.append(...line.map((digit) => {
      const place = digits.indexOf(digit), button = document.createElement("button");
      Object.assign(button, { textContent: labels[place], ariaPressed: String(place === chosen), onclick: () => choose(place) });
      return button;
    }));
    return group;
  }));
  const marks = digits.map(({ box }, place) => ({ box, label: labels[place], chosen: place === chosen }));
  drawing.marks = digits.length > 1 ? marks : [];
  drawing.paint();
  [...element("bars").children].forEach((bar, digit) => {
    const share = digits[chosen]?.probabilities[digit] ?? 0;
    bar.style.setProperty("--share", share);
    bar.classList.toggle("leads", digit === digits[chosen]?.digit);
    bar.querySelector("small").textContent = share >= 0.01 ? percent(share) : "";
  });
  const image = new ImageData(SIZE, SIZE);
  digits[chosen]?.glyph.forEach((ink, i) => image.data.set([255, 255, 255, 255 * ink], 4 * i));
  element("glyph").getContext("2d").putImageData(image, 0, 0);
}

/** Show another digit in detail. @type {(place: number) => void} */
function choose(place) {
  if (place < 0 || place >= lines.flat().length) return;
  chosen = place;
  show(lines);
  element("text").querySelectorAll("button")[place].focus();
}

/** Round down, so that only 1 gives "100 %". @type {(share: number) => string} */
const percent = (share) => `${Math.floor(share * 100 + 1e-9)} %`;

/** @type {Record<string, () => void>} */
const keys = {
  Escape: drawing.clear,
  Delete: drawing.clear,
  n: () => element(element("single").checked ? "number" : "single").click(),
  ArrowLeft: () => choose(chosen - 1),
  ArrowRight: () => choose(chosen + 1),
};
document.addEventListener("keydown", (event) => {
  const { key, target } = event, held = event.ctrlKey || event.metaKey;
  if (target instanceof HTMLInputElement && key.startsWith("Arrow")) return; // chooses between one digit and several
  if (!held && !event.altKey) keys[key]?.();
  else if (held && key.toLowerCase() === "z") drawing.undo();
});
element("undo").onclick = drawing.undo;
element("clear").onclick = drawing.clear;
element("single").onchange = element("number").onchange = changed;
element("language").onclick = () => page.lang = page.lang === "en" ? "zh" : "en";
page.lang = navigator.language.startsWith("zh") ? "zh" : "en";
element("bars").innerHTML = Array.from({ length: 10 }, (_, i) => `<li><small></small><i></i><b>${i}</b></li>`).join("");
changed();
