// Saves a Plotly figure of the page as SVG, PNG, CSV or JSON, with the facts at its head; needs picture.js.
// What is saved is what Plotly drew: the picture from its layers, the numbers from the traces behind them.

const SVG = "http://www.w3.org/2000/svg";
const COLUMNS = ["series", "x_axis", "x", "y_axis", "y", "z", "base", "x_plus", "x_minus", "y_plus", "y_minus", "text"];
const DASHES = { dot: "2 3", dash: "7 4", longdash: "10 4", dashdot: "7 3 2 3", longdashdot: "10 3 2 3" }; // Plotly's names
const NUMBER_LIKE = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i;

export default function ({ data, parentElement }) {
  const select = parentElement.querySelector("select");
  const says = parentElement.querySelector(".says");
  const buttons = [...parentElement.querySelectorAll(".save")];
  const list = () => {
    const found = figures();
    const now = [...select.options].map((o) => o.textContent).join("\n");
    const next = found.map((f, i) => shortened(`${i + 1}. ${f.alt}`));
    if (now !== next.join("\n")) {
      const kept = select.value;
      select.replaceChildren(...found.map((f, i) => new Option(next[i], f.key)));
      if (found.some((f) => f.key === kept)) select.value = kept;
    }
    for (const b of buttons) b.disabled = !found.length;
    return found;
  };
  const makers = [
    async (f, file) => save(new Blob([svgOf(f, data.facts)], { type: "image/svg+xml;charset=utf-8" }), `${file}.svg`),
    async (f, file) => save(await png(svgOf(f, data.facts)), `${file}.png`),
    async (f, file) => save(new Blob([csvOf(f, data.facts)], { type: "text/csv;charset=utf-8" }), `${file}.csv`),
    async (f, file) => save(new Blob([jsonOf(f, data.facts)], { type: "application/json" }), `${file}.json`),
  ];
  buttons.forEach((button, i) => {
    button.onclick = async () => {
      says.textContent = "";
      const figure = list().find((f) => f.key === select.value);
      try {
        await makers[i](figure, `${data.file}-${select.selectedIndex + 1}`);
      } catch {
        says.textContent = "That figure has just been drawn anew. Choose it again.";
      }
    };
  });
  select.onfocus = select.onpointerdown = list;
  list();
  const later = [400, 1500, 4000].map((wait) => setTimeout(list, wait)); // figures that are still being drawn
  return () => later.forEach(clearTimeout);
}

function figures() {
  return [...document.querySelectorAll(".stPlotlyChart")]
    .map((box, i) => ({ box, gd: box.querySelector(".js-plotly-plot"), alt: box.getAttribute("aria-label") || "Figure", key: keyOf(box) || `figure ${i}` }))
    .filter(({ box, gd }) => gd?._fullLayout && gd._fullData && box.getClientRects().length);
}

function keyOf(box) {
  const names = box.closest('[class*="st-key-"]')?.classList ?? [];
  return [...names].find((name) => name.startsWith("st-key-"));
}

const shortened = (text) => (text.length > 90 ? `${text.slice(0, 89)}…` : text);
const plainText = (text) => (text == null ? null : String(text).replace(/<br\s*\/?>/gi, " ").replace(/<[^>]*>/g, "").replace(/\u2060/g, "")
  .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&"));

// One row for each point that was drawn, and for each label with words in it.
function rowsOf(gd) {
  const layout = gd._fullLayout;
  const titleOf = (axis) => plainText(layout[axis.replace(/^([xy])/, "$1axis")]?.title?.text) || "";
  const titled = (axis = "x") => titleOf(axis) || shared(layout, axis).map(titleOf).find(Boolean) || "";
  const rows = [];
  for (const t of gd._fullData.filter((trace) => trace.visible === true)) {
    const common = { series: /^trace \d+$/.test(t.name) ? "" : plainText(t.name), x_axis: titled(t.xaxis), y_axis: titled(t.yaxis || "y") };
    const at = (values, i) => (values == null || typeof values !== "object" ? values : values[i]);
    const place = (axis, i) => (t[axis] ? t[axis][i] : (t[`${axis}0`] ?? 0) + i * (t[`d${axis}`] ?? 1));
    if (t.z) {
      for (let i = 0; i < t.z.length; i++)
        for (let j = 0; j < t.z[i].length; j++)
          rows.push({ ...common, x: place("x", j), y: place("y", i), z: t.z[i][j], text: plainText(at(at(t.text, i), j)) });
      continue;
    }
    const n = Math.max(t.x?.length ?? 0, t.y?.length ?? 0);
    for (let i = 0; i < n; i++)
      rows.push({
        ...common, x: place("x", i), y: place("y", i), base: at(t.base, i), text: plainText(at(t.text, i)),
        x_plus: at(t.error_x?.array, i), x_minus: at(t.error_x?.arrayminus, i), y_plus: at(t.error_y?.array, i), y_minus: at(t.error_y?.arrayminus, i),
      });
  }
  for (const a of layout.annotations ?? [])
    if (a.visible !== false && a.text) rows.push({ series: "label", x_axis: a.xref === "paper" ? "share of the width" : titled(a.xref), x: a.x, y_axis: a.yref === "paper" ? "share of the height" : titled(a.yref), y: a.y, text: plainText(a.text) });
  const there = (value) => value != null && value !== "" && !Number.isNaN(value);
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => there(value))));
}

// The axes that one moves with: of panels above each other only the lowest has a title.
function shared(layout, axis) {
  const names = (layout._subplots?.[`${axis[0]}axis`] ?? []).filter((other) => other !== axis);
  const moves = (name) => layout[name.replace(/^([xy])/, "$1axis")]?.matches;
  return names.filter((other) => moves(other) === axis || moves(axis) === other || (moves(axis) && moves(axis) === moves(other)));
}

function csvOf({ gd, alt }, facts) {
  const rows = rowsOf(gd);
  const columns = COLUMNS.filter((c) => rows.some((row) => c in row));
  const head = [...facts, ["figure", alt]].map(([name, value]) => `# ${name}: ${oneLine(value)}\n`).join("");
  return head + [columns, ...rows.map((row) => columns.map((c) => row[c]))].map((cells) => cells.map(cell).join(",") + "\n").join("");
}

const oneLine = (text) => String(text).replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ");

// A spreadsheet runs a cell that begins like a formula: an apostrophe goes before it, as in the tables that the server writes.
function cell(value) {
  if (value == null) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : `"${value}"`;
  const text = String(value);
  if (NUMBER_LIKE.test(text)) return `"${text}"`;
  return `"${(/^[=+\-@\t\r\n＝＋－＠']/.test(text) ? "'" + text : text).replaceAll('"', '""')}"`;
}

function jsonOf({ gd, alt }, facts) {
  const finite = (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
  return JSON.stringify({ facts: Object.fromEntries(facts), figure: alt, rows: rowsOf(gd) }, finite, 1);
}

function svgOf({ gd, alt }, facts) {
  const { width, height } = gd._fullLayout;
  const style = getComputedStyle(document.querySelector(".stApp"));
  const most = Math.floor((width - 24) / 6.1);
  const lines = wrapped(facts.map(([name, value]) => `${name}: ${oneLine(value)}`), most);
  const names = keyed(gd);
  const places = placed(names, most);
  const head = 15 * lines.length + 18 * (places.length ? places.at(-1).row + 1 : 0) + 20;
  const out = made("svg", { width, height: height + head, viewBox: `0 0 ${width} ${height + head}`, role: "img", "font-family": style.fontFamily });
  out.append(made("title", {}, shortened(alt)), made("desc", {}, alt), made("rect", { width, height: height + head, fill: style.backgroundColor }));
  lines.forEach((line, i) => out.append(made("text", { x: 12, y: 20 + 15 * i, "font-size": 11, fill: style.color }, line)));
  names.forEach(({ name, line }, i) => {
    const x = 12 + 6.1 * places[i].column, y = 26 + 15 * lines.length + 18 * places[i].row;
    out.append(made("line", { x1: x, x2: x + 26, y1: y - 4, y2: y - 4, stroke: line.color, "stroke-width": line.width, "stroke-dasharray": DASHES[line.dash] ?? "none" }));
    out.append(made("text", { x: x + 31, y, "font-size": 11, fill: style.color }, name));
  });
  const body = made("g", { transform: `translate(0 ${head})` });
  for (const layer of gd.querySelectorAll(".main-svg")) {
    const copy = layer.cloneNode(true);
    copy.querySelectorAll(".hoverlayer, .zoomlayer, .draglayer").forEach((part) => part.remove());
    copy.querySelectorAll("*").forEach((part) => part.style.removeProperty("pointer-events"));
    body.append(...copy.childNodes);
  }
  out.append(body);
  // subtle: Plotly writes the page's whole address into references, which a file of its own cannot follow
  return new XMLSerializer().serializeToString(out).replace(/url\((?:&quot;|["'])?[^"'()#&]*#([^"'()&]+)(?:&quot;|["'])?\)/g, "url(#$1)");
}

function made(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

// The lines of a figure that no label names: on the page their names stand on the buttons above it, which a file has not.
function keyed(gd) {
  const labels = (gd._fullLayout.annotations ?? []).map((a) => plainText(a.text) ?? "").join("\n");
  const found = new Map();
  for (const t of gd._fullData)
    if (t.visible === true && t.mode?.includes("lines") && t.line?.width && t.name && !/^trace \d+$/.test(t.name)) {
      const name = plainText(t.name);
      if (!found.has(name) && !labels.includes(name) && !gd._fullData.some((other) => [other.text].flat().some((text) => plainText(text)?.includes(name)))) found.set(name, t.line);
    }
  return found.size > 1 && !gd._fullLayout.showlegend ? [...found].map(([name, line]) => ({ name, line })) : [];
}

// Where each name of the key stands: a row, and a column in letters.
function placed(names, most) {
  let row = 0, column = 0;
  return names.map(({ name }) => {
    if (column && column + name.length + 6 > most) (row += 1), (column = 0);
    const place = { row, column };
    column += name.length + 9;
    return place;
  });
}

// The facts as lines of at most `most` letters: several to a line where they fit, a long one broken between words.
function wrapped(parts, most) {
  const lines = [];
  let line = "";
  const add = (piece, joint) => {
    if (line && line.length + piece.length + joint.length > most) lines.push(line), (line = "");
    line = line ? line + joint + piece : piece;
  };
  for (const part of parts)
    if (part.length <= most) add(part, " · ");
    else part.match(new RegExp(`\\S{1,${most}}`, "gu"))?.forEach((word, i) => add(word, i ? " " : " · "));
  return line ? [...lines, line] : lines;
}
