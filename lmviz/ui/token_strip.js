// The token strip in the browser: draws what token_strip.py sends, answers with the index of a clicked token.
// Text enters the page through textContent only. The units of the strip are its chips: one token, or one word.

const MEASURES = {
  loss: { name: "loss", says: "−log P", grows: "loss", unit: true },
  probability: { name: "probability", says: "P", grows: "loss" },
  rank: { name: "rank", says: "rank", grows: "loss" },
  entropy: { name: "entropy", says: "entropy", grows: "model", unit: true },
  surprise: { name: "surprise", says: "loss − entropy", row: "surprise", grows: "loss", unit: true, signed: true },
};
const BUCKETS = [1, 10, 100, 1000]; // the last rank of each shade; beyond them the fullest
const WORDS_FOR_MARKS = { "·": " ", "⏎": " new line ", "⇥": " tab ", "∅": " empty " };
const BLOCK = 250; // chips laid out together, or not at all while out of sight
const strips = new WeakMap(); // one strip for each place on the page
const choices = new Map(); // the reader's colour and switches by key: they outlive the page

export default function ({ data, parentElement, setTriggerValue }) {
  let strip = strips.get(parentElement);
  if (!strip || !strip.root.isConnected) {
    strip = create(parentElement.querySelector(".strip"));
    strips.set(parentElement, strip);
  }
  strip.send = (index) => setTriggerValue("clicked", index);
  update(strip, data);
  return () => {
    window.removeEventListener("scroll", strip.hide, true);
    strips.delete(parentElement);
  };
}

// ---------------------------------------------------------------- numbers as text; the same rules as display.py

const MINUS = "−", THIN = "\u202f";
const superscript = (n) => String(n).replace(/[-0-9]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
const thousands = (text) => text.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, THIN);
const signed = (text, x, plus) => (x < 0 ? MINUS + text : plus && x > 0 ? "+" + text : text);

function number(x, digits = 3, plus = false) {
  if (x === 0) return "0";
  const [mantissa, exponent] = Math.abs(x).toExponential(digits - 1).split("e");
  if (exponent < -3 || exponent >= 9) return signed(`${mantissa} × 10${superscript(+exponent)}`, x, plus);
  return signed(thousands(Number(`${mantissa}e${exponent}`).toFixed(Math.max(0, digits - 1 - exponent))), x, plus);
}

function probability(p) {
  if (p === 0 || p === 1) return String(p);
  if (p <= 0.9) return number(p, 2);
  const places = Math.ceil(-Math.log10(1 - p));
  return places <= 4 ? p.toFixed(Math.max(places, 2)) : `1 ${MINUS} ${number(1 - p, 2)}`;
}

const oneIn = (p) => (p === 0 ? "never" : p === 1 ? "1 in 1" : `1 in ${number(1 / p, 2)}`);

export { number, probability, oneIn }; // so that a test can hold them against display.py

// Under a chip there is room for four or five characters.
function brief(name, x) {
  if (name === "rank") return thousands(String(x));
  if (name === "probability") return x > 0 && x < 1e-3 ? number(x, 1).replaceAll(" ", "") : x > 0.99 && x < 1 ? ">.99" : probability(x);
  const size = Math.abs(x);
  return signed(size.toFixed(size < 0.0995 ? 2 : 1), x, MEASURES[name]?.signed);
}

// ---------------------------------------------------------------- values of a unit

// [number, word]: the number is null where a word ("infinite", "not scored") must stand for it.
function value(strip, name, { from, to }) {
  const column = strip.data.measures[name], odd = strip.data.odd[name];
  let total = name === "probability" ? 1 : 0;
  for (let i = from; i < to; i++) {
    const x = column[i];
    if (x === null) return [null, odd[i]];
    total = name === "rank" ? Math.max(total, x) : name === "probability" ? total * x : total + x;
  }
  return [total, ""];
}

const isAmount = (name) => name === "second" || MEASURES[name].unit;
const inUnit = (strip, name, x) => (isAmount(name) ? x * strip.data.per_nat : x);
const SYMBOLS = { infinite: "∞", "minus infinite": MINUS + "∞" };

function printed(strip, name, unit) {
  const [x, word] = value(strip, name, unit);
  return x === null ? SYMBOLS[word] || "–" : brief(name, inUnit(strip, name, x));
}

function said(strip, name, unit) {
  const [x, word] = value(strip, name, unit);
  if (word === "infinite" && name === "loss") return "infinite: the model gives it no probability at all";
  if (x === null) return word;
  if (name === "probability") return `${probability(x)}, ${oneIn(x)}`;
  if (name === "rank") return thousands(String(x));
  return `${number(inUnit(strip, name, x), 3, MEASURES[name]?.signed)} ${strip.data.unit}`;
}

// How full the colour is, from −1 to 1.
function shade(strip, name, unit) {
  const [x, word] = value(strip, name, unit);
  if (x === null) return word === "infinite" ? 1 : 0;
  if (name === "probability") return 1 - x;
  if (name === "rank") return BUCKETS.filter((last) => x > last).length / BUCKETS.length;
  return Math.max(-1, Math.min(1, x / strip.data.limits[name]));
}

// ---------------------------------------------------------------- the parts

function create(root) {
  const strip = { root, units: [], chips: [], active: 0, drawn: "", built: "" };
  strip.head = make("div", "head");
  strip.list = make("div", "list", { role: "listbox", "aria-orientation": "horizontal" });
  strip.tip = make("div", "tip", { "aria-hidden": "true" });
  if (strip.tip.showPopover) strip.tip.popover = "manual"; // the top layer: nothing on the page can cut it off
  root.replaceChildren(strip.head, strip.list, strip.tip);
  strip.hide = () => hideTip(strip);
  window.addEventListener("scroll", strip.hide, { capture: true, passive: true });

  const unitOf = (event) => {
    const chip = event.target.closest?.(".chip");
    return chip ? Number(chip.dataset.n) : null;
  };
  strip.list.addEventListener("click", (event) => {
    const n = unitOf(event);
    if (n !== null) choose(strip, n);
  });
  strip.list.addEventListener("keydown", (event) => press(strip, event));
  strip.list.addEventListener("focusin", (event) => {
    const n = unitOf(event);
    if (n === null) return;
    activate(strip, n);
    showTip(strip, n);
  });
  strip.list.addEventListener("focusout", strip.hide);
  strip.list.addEventListener("pointerover", (event) => {
    const n = unitOf(event);
    if (n !== null) showTip(strip, n);
  });
  strip.list.addEventListener("pointerleave", strip.hide);
  return strip;
}

function update(strip, data) {
  const { selected, ...rest } = data;
  const drawn = JSON.stringify(rest);
  const before = strip.data;
  takeColours(strip.root);
  strip.data = data;
  strip.choice = choices.get(data.key) || { words: false };
  choices.set(data.key, strip.choice);
  // Python's wish counts the first time and when it changes; in between the reader's choice does.
  if (strip.choice.asked !== data.measure) Object.assign(strip.choice, { asked: data.measure, measure: data.measure });
  if (strip.choice.askedValues !== data.values) Object.assign(strip.choice, { askedValues: data.values, values: data.values });
  if (!(strip.choice.measure in data.measures)) strip.choice.measure = data.measure;
  if (drawn !== strip.drawn) {
    strip.drawn = drawn;
    drawHead(strip);
    build(strip);
    paint(strip);
  }
  select(strip, selected, !before || before.selected !== selected);
}

// The roles of figures/theme.py: the first two colours of the chart palette are the model's and the loss's.
function takeColours(root) {
  const [model, loss] = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",");
  if (!loss) return;
  root.style.setProperty("--model", model.trim());
  root.style.setProperty("--loss", loss.trim());
}

function drawHead(strip) {
  const { data, choice, head } = strip;
  const shown = JSON.stringify([Object.keys(data.measures), data.words.length === data.tokens.length]);
  if (strip.headShown !== shown) {
    strip.headShown = shown;
    const group = make("fieldset", "colours", {}, make("legend", "unseen", {}, "Colour the tokens by"));
    for (const [name, { name: text }] of Object.entries(MEASURES)) {
      if (!(name in data.measures)) continue;
      const radio = make("input", "", { type: "radio", name: "measure", value: name });
      radio.addEventListener("change", () => {
        strip.choice.measure = name;
        paint(strip);
      });
      group.append(make("label", "", {}, radio, make("span", "", {}, text)));
    }
    const toggle = (name, says) => {
      const button = make("button", "toggle", { type: "button", "data-toggle": name, title: says }, name);
      button.addEventListener("click", () => {
        strip.choice[name] = !strip.choice[name];
        if (name === "words") build(strip);
        paint(strip);
        select(strip, strip.selected, true);
      });
      return button;
    };
    strip.legend = make("div", "scale", { role: "img" });
    const switches = make("div", "switches", {}, toggle("values", "Print the number under each token"));
    if (data.words.length < data.tokens.length) switches.append(toggle("words", "Join the tokens of a word; its loss is their sum"));
    head.replaceChildren(...(group.children.length > 2 ? [group] : []), switches, strip.legend);
  }
}

function build(strip) {
  const { data, choice, list } = strip;
  const built = JSON.stringify([data.tokens, data.words, choice.words]);
  if (built === strip.built) return;
  strip.built = built;
  const hadFocus = list.contains(list.getRootNode().activeElement);
  hideTip(strip);
  const starts = choice.words ? data.words : data.tokens.map((_, i) => i);
  strip.units = starts.map((from, n) => ({ from, to: starts[n + 1] ?? data.tokens.length }));
  strip.active = 0;
  strip.marked = null;
  let block = make("div", "block");
  const blocks = [block];
  strip.chips = strip.units.map(({ from, to }, n) => {
    const text = make("span", "text");
    let lines = 0;
    for (const pieces of data.tokens.slice(from, to)) {
      pieces.forEach((piece, k) => {
        if (piece === "") return;
        text.append(k % 2 ? piece : make("span", piece.includes("U+") ? "code" : "mark", {}, piece));
        if (k % 2 === 0) lines += piece.split("⏎").length - 1;
      });
    }
    const chip = make("span", "chip", { role: "option", tabindex: "-1", "data-n": n, "aria-selected": "false" }, text);
    block.append(chip);
    if (lines) block.append(make("span", "break"));
    if (lines && block.childElementCount >= BLOCK) blocks.push((block = make("div", "block")));
    return chip;
  });
  list.replaceChildren(...blocks);
  list.scrollTop = 0;
  if (strip.chips.length) strip.chips[0].tabIndex = 0;
  if (hadFocus) strip.chips[0]?.focus({ preventScroll: true });
}

function paint(strip) {
  const { data, choice, root } = strip;
  const name = choice.measure;
  root.dataset.measure = name;
  root.classList.toggle("valued", choice.values);
  root.classList.toggle("two-rows", Boolean(choice.values && data.second));
  strip.list.setAttribute("aria-label", data.title || "Tokens");
  strip.list.classList.toggle("scrolls", Boolean(data.scroll));
  strip.list.style.maxHeight = data.scroll ? `${data.scroll}px` : "";
  strip.units.forEach((unit, n) => {
    const chip = strip.chips[n], full = shade(strip, name, unit);
    const hue = full < 0 ? "model" : MEASURES[name].grows;
    chip.firstChild.style.setProperty("--v", Math.abs(full).toFixed(3));
    chip.classList.toggle("cool", hue === "model");
    chip.classList.toggle("infinite", value(strip, name, unit)[1] === "infinite");
    if (choice.values) chip.dataset.v = printed(strip, name, unit) + (data.second ? `\n${printed(strip, "second", unit)}` : "");
    chip.setAttribute("aria-label", `${spoken(strip, unit)}, ${MEASURES[name].name} ${said(strip, name, unit)}`);
  });
  for (const radio of strip.head.querySelectorAll("input")) radio.checked = radio.value === name;
  for (const button of strip.head.querySelectorAll("button")) button.setAttribute("aria-pressed", String(Boolean(choice[button.dataset.toggle])));
  drawLegend(strip);
  if (strip.tipFor !== undefined) showTip(strip, strip.tipFor);
}

function drawLegend(strip) {
  const { data, choice, legend } = strip;
  const name = choice.measure, { says, unit, signed: both, grows } = MEASURES[name];
  const title = make("span", "says", {}, unit ? `${says}, ${data.unit}` : says);
  if (data.second && choice.values) title.append(`; below: ${data.second}`);
  const bar = make("span", `bar ${name === "rank" ? "steps" : both ? "both" : grows}`);
  const tick = (at, text) => make("span", "tick", { style: `left: ${(100 * at).toFixed(2)}%` }, text);
  if (name === "rank") {
    bar.append(...["1", "≤10", "≤100", `≤1${THIN}000`, "more"].map((text, i) => make("span", "step", { style: `--v: ${i / 4}` }, make("i"), text)));
  } else if (name === "probability") {
    bar.append(tick(0, "1"), tick(0.5, "0.5"), tick(1, "0"));
  } else {
    const limit = data.limits[name] * data.per_nat;
    const step = [1, 2, 4, 5, 10, 20].find((s) => (both ? 2 * limit : limit) / s <= 4.5) || limit;
    for (let x = both ? -Math.floor(limit / step) * step : 0; x <= limit + 1e-9; x += step) {
      const last = x + step > limit + 1e-9;
      bar.append(tick(both ? (x / limit + 1) / 2 : x / limit, signed(String(Math.abs(x)), x, both) + (last && !both ? "+" : "")));
    }
  }
  legend.setAttribute("aria-label", `Colour scale: ${title.textContent}`);
  legend.replaceChildren(title, bar);
}

// ---------------------------------------------------------------- selection and keys

function select(strip, index, moved) {
  strip.selected = index;
  const n = index === null ? -1 : strip.units.findIndex(({ from, to }) => from <= index && index < to);
  const chip = strip.chips[n] || null;
  if (strip.marked !== chip) {
    strip.marked?.setAttribute("aria-selected", "false");
    chip?.setAttribute("aria-selected", "true");
    strip.marked = chip;
  }
  const focused = strip.list.contains(strip.list.getRootNode().activeElement);
  if (chip && moved && !focused) {
    activate(strip, n);
    if (strip.data.scroll) bringIntoView(strip.list, chip);
  }
}

function choose(strip, n) {
  activate(strip, n);
  strip.chips[n].focus({ preventScroll: true });
  const { from, to } = strip.units[n];
  if (strip.selected !== null && from <= strip.selected && strip.selected < to) return;
  select(strip, from, false); // at once, before Python has answered
  strip.send(from);
}

function activate(strip, n) {
  strip.chips[strip.active]?.setAttribute("tabindex", "-1");
  strip.active = n;
  strip.chips[n].setAttribute("tabindex", "0");
}

function press(strip, event) {
  const last = strip.chips.length - 1, n = strip.active;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape") return hideTip(strip);
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    return choose(strip, n);
  }
  const moves = {
    ArrowLeft: () => Math.max(0, n - 1),
    ArrowRight: () => Math.min(last, n + 1),
    ArrowUp: () => onNextLine(strip, n, -1),
    ArrowDown: () => onNextLine(strip, n, 1),
    Home: () => 0,
    End: () => last,
  };
  if (!Object.hasOwn(moves, event.key)) return;
  event.preventDefault();
  const target = strip.chips[moves[event.key]()];
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest" });
  showTip(strip, strip.active); // the scroll has hidden it
}

// The chip of the line above or below that lies nearest to the middle of chip n.
function onNextLine(strip, n, way) {
  const here = strip.chips[n].getBoundingClientRect();
  const middle = here.left + here.width / 2;
  let line = null, best = n, distance = Infinity;
  for (let i = n + way; strip.chips[i]; i += way) {
    const box = strip.chips[i].getBoundingClientRect();
    if (Math.abs(box.top - here.top) < here.height / 2) continue;
    line ??= box.top;
    if (Math.abs(box.top - line) > here.height / 2) break;
    const away = Math.abs(box.left + box.width / 2 - middle);
    if (away < distance) [best, distance] = [i, away];
  }
  return best;
}

// Scrolls the list, never the page. Blocks out of sight have a guessed height: look again once they are laid out.
function bringIntoView(list, chip, looks = 6) {
  const box = chip.getBoundingClientRect(), frame = list.getBoundingClientRect();
  if (box.top < frame.top || box.bottom > frame.bottom) list.scrollTop += box.top - frame.top - frame.height / 3;
  if (looks > 0) requestAnimationFrame(() => bringIntoView(list, chip, looks - 1));
}

// ---------------------------------------------------------------- the tooltip

// A unit as a screen reader should say it: marks by their names.
function spoken(strip, { from, to }) {
  const name = (mark) => [...mark].map((c) => WORDS_FOR_MARKS[c] ?? c).join("");
  const parts = strip.data.tokens.slice(from, to).map((pieces) => pieces.map((piece, k) => (k % 2 ? piece : name(piece))).join(""));
  return parts.join("").replace(/\s+/g, " ").trim() || "space";
}

function showTip(strip, n) {
  const { data, tip, units, chips } = strip;
  const unit = units[n];
  const title = make("div", "title", {}, ...[...chips[n].firstChild.childNodes].map((node) => node.cloneNode(true)));
  const rows = make("dl");
  const row = (name, text) => rows.append(make("dt", "", {}, name), make("dd", "", {}, text));
  const note = unit.to - unit.from > 1 ? `${unit.to - unit.from} tokens` : data.ids ? `id ${data.ids[unit.from]}` : `token ${unit.from + 1}`;
  for (const name of ["probability", "loss", "rank", "entropy", "surprise"]) {
    if (!(name in data.measures)) continue;
    row(name === "rank" && unit.to - unit.from > 1 ? "worst rank" : MEASURES[name].row || MEASURES[name].says, said(strip, name, unit));
  }
  if (data.second) row(data.second, said(strip, "second", unit));
  tip.replaceChildren(make("div", "tip-head", {}, title, make("span", "note", {}, note)), rows);
  strip.tipFor = n;
  if (tip.popover && !tip.matches(":popover-open")) tip.showPopover();
  tip.classList.add("open");
  const chip = chips[n].getBoundingClientRect(), size = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(chip.left + chip.width / 2 - size.width / 2, document.documentElement.clientWidth - size.width - 8));
  const above = chip.top - size.height - 8;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 8 ? above : chip.bottom + 8}px`;
}

function hideTip(strip) {
  if (strip.tipFor === undefined) return;
  strip.tipFor = undefined;
  strip.tip.classList.remove("open");
  if (strip.tip.popover && strip.tip.matches(":popover-open")) strip.tip.hidePopover();
}
