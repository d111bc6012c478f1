// Connects the paper, the worker that reads and what is shown.

import { Drawing } from "./drawing.js";
import { SIZE } from "./glyph.js";
import { isDigit, labelOf, shareOf } from "./recognizer.js";

/** @typedef {import("./recognizer.js").Reading} Reading */

/** @type {(id: string) => any} */
const element = (id) => document.getElementById(id);
const page = document.documentElement; // style.css shows the texts of its `lang` and its `data-state`
const worker = new Worker("worker.js", { type: "module" });
const drawing = new Drawing(element("paper"), changed);
let busy = true, waiting = false; // the worker is busy; a change waits for it
let asked = { strokes: drawing.strokes, single: false, start: 0 }; // the last request to the worker; when, in ms
let lines = /** @type {Reading[][]} */ ([]), chosen = 0; // the digit that is shown in detail

function changed() {
  element("undo").disabled = !drawing.before.length;
  element("clear").disabled = !drawing.strokes.length;
  waiting = busy;
  if (!drawing.strokes.length) show([]);
  else if (!busy) {
    setBusy(true);
    asked = { strokes: drawing.strokes, single: element("single").checked, start: performance.now() };
    worker.postMessage(asked);
  }
}

/** Let assistive technology know, too, whether a reading is to come. @type {(now: boolean) => void} */
function setBusy(now) {
  busy = now;
  element("text").ariaBusy = String(now);
}

worker.onmessage = ({ data: reading }) => { // null when the worker is ready
  const remain = asked.strokes.every((stroke, i) => stroke === drawing.strokes[i]); // newer ones may have come
  setBusy(false);
  if (reading && remain && asked.single === element("single").checked) {
    show(reading);
    performance.clearMeasures();
    performance.measure("reading", { start: asked.start });
  } else if (!reading) {
    page.dataset.state = "blank";
    navigator.serviceWorker?.register("sw.js");
    navigator.serviceWorker?.ready.then(() => page.dataset.offline = "true");
  }
  if (waiting) changed();
};
worker.onerror = () => { page.dataset.state = "failed"; show([]); };

/** Show the digits and signs of each number; none for a blank paper. @type {(reading: Reading[][]) => void} */
function show(reading) {
  const digits = reading.flat(), labels = digits.map(labelOf);
  if (digits.length !== lines.flat().length) chosen = Math.max(0, digits.length - 1);
  lines = reading;
  if (digits.length) page.dataset.state = !labels.includes("?") ? "read" : labels.length > 1 ? "unsure" : "none";
  else if (!["loading", "failed"].includes(page.dataset.state ?? "")) page.dataset.state = "blank";
  const confidences = digits.filter(isDigit).map((each) => shareOf(each, each.digit));
  element("confidence").textContent = confidences.length ? `${percent(Math.min(...confidences))} %` : "";
  const buttons = labels.map((textContent, i) => Object.assign(document.createElement("button"),
    { textContent, ariaPressed: String(i === chosen), onclick: () => choose(i) }));
  element("text").replaceChildren(...lines.map(({ length }) => {
    const group = document.createElement("span");
    group.append(...buttons.splice(0, length));
    return group;
  }));
  drawing.marks = digits.length < 2 ? [] : digits.map(({ box }, i) => ({ box, label: labels[i], chosen: i === chosen }));
  drawing.paint();
  const likely = digits[chosen]?.kind === "digit" ? digits[chosen] : null; // a sign has no probabilities
  [...element("bars").children].forEach((bar, digit) => {
    const share = likely ? shareOf(likely, digit) : 0;
    bar.style.setProperty("--share", share);
    bar.classList.toggle("leads", labels[chosen] === String(digit));
    bar.querySelector("small").textContent = percent(share) || "";
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

/** Return a share in percent, rounded down so that only 1 gives 100. @type {(share: number) => number} */
const percent = (share) => Math.floor(share * 100 + 1e-9);

/** @type {Record<string, () => void>} */
const keys = {
  Escape: drawing.clear, Delete: drawing.clear,
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
