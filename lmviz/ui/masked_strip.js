// A text as chips, some hidden from the model. Built once a text, then only classes and numbers change: focus stays where it is.

const active = new WeakMap();

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
  element.append(...children); // strings become text, never markup
  return element;
}

function spell(element, pieces) {
  element.replaceChildren();
  pieces.forEach((piece, i) => piece && element.append(i % 2 ? piece : make("span", { class: "mark" }, piece)));
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gaps");
  takeColours(root);
  root.setAttribute("aria-label", data.title);
  const shape = JSON.stringify([data.chips.map((chip) => chip.pieces), data.clickable]);
  if (root.dataset.shape !== shape) {
    root.dataset.shape = shape;
    build(root, data);
  }
  root.send = (index) => setTriggerValue("clicked", index);
  root.querySelectorAll(".chip").forEach((chip, i) => {
    const { state, value, shade, says, other } = data.chips[i];
    chip.className = `chip ${state} ${i === data.looked_at ? "looked-at" : ""}`;
    chip.style.setProperty("--v", shade);
    chip.querySelector(".value").textContent = value || "\u00a0";
    chip.querySelectorAll(".unseen").forEach((span, k) => (span.textContent = says[k]));
    spell(chip.querySelector(".other"), other || []);
    if (data.clickable) chip.setAttribute("aria-pressed", String(state !== ""));
  });
}

// The roles of figures/theme.py: the second colour of the chart palette is the loss's, the fourth the truth's.
function takeColours(root) {
  const colours = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",");
  if (colours.length < 4) return;
  root.style.setProperty("--loss", colours[1].trim());
  root.style.setProperty("--truth", colours[3].trim());
}

function build(root, data) {
  root.setAttribute("role", data.clickable ? "group" : "list");
  const chips = data.chips.map(({ pieces }, i) => {
    const text = make("span", { class: "was" });
    spell(text, pieces);
    const face = make("span", { class: "face" }, text, make("span", { class: "other" }));
    const kind = data.clickable ? { type: "button", tabindex: i ? "-1" : "0" } : { role: "listitem" };
    return make(data.clickable ? "button" : "span", kind, face, make("span", { class: "unseen" }), make("span", { class: "value" }), make("span", { class: "unseen" }));
  });
  root.replaceChildren(...chips);
  chips.forEach((chip) => (chip.className = "chip"));
  if (!data.clickable) return;
  const move = (to) => {
    chips[active.get(root) || 0]?.setAttribute("tabindex", "-1");
    active.set(root, to);
    chips[to].setAttribute("tabindex", "0");
  };
  active.set(root, 0);
  chips.forEach((chip, i) => {
    chip.addEventListener("click", () => {
      move(i);
      root.send(i);
    });
    chip.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: chips.length - 1 }[event.key];
      if (to === undefined || !chips[to]) return;
      event.preventDefault();
      move(to);
      chips[to].focus();
    });
  });
}
