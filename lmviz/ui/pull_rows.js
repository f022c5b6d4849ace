// A table of losses by tokens. Built once a text, then only numbers and shades change: focus and scroll position stay.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
  element.append(...children); // strings become text, never markup
  return element;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".rows");
  const shape = JSON.stringify([data.tokens, data.title, data.rows.map((row) => row.name)]);
  if (root.dataset.shape !== shape) {
    build(root, data);
    root.dataset.shape = shape;
  }
  root.querySelectorAll("thead th[scope=col]").forEach((head, i) => head.classList.toggle("selected", i === data.selected));
  root.querySelectorAll("tbody tr").forEach((line, r) => {
    line.querySelectorAll("td").forEach((cell, i) => {
      cell.style.setProperty("--v", data.rows[r].shades[i]);
      cell.textContent = data.rows[r].texts[i];
    });
  });
}

function build(root, data) {
  root.tabIndex = 0;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", data.title);
  const heads = data.tokens.map((pieces) => {
    const head = make("th", { scope: "col" });
    pieces.forEach((piece, i) => piece && head.append(i % 2 ? piece : make("span", { class: "mark" }, piece)));
    return head;
  });
  const chances = data.chances.map((chance) => make("td", { class: "chance" }, chance));
  const head = make("thead", {}, make("tr", {}, make("td"), ...heads), make("tr", {}, make("th", { scope: "row" }, "P(token)"), ...chances));
  const body = make("tbody");
  for (const row of data.rows) {
    body.append(make("tr", {}, make("th", { scope: "row" }, row.name), ...row.texts.map(() => make("td", { class: "cell" }))));
  }
  root.replaceChildren(make("table", {}, make("caption", {}, data.title), head, body));
}
