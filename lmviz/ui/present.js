// The presenter's bar and keys: draws what present.py sends, answers with "next", "previous" or "leave".

const bars = new WeakMap(); // one bar for each place on the page
const KEYS = { ArrowRight: "next", PageDown: "next", ArrowLeft: "previous", PageUp: "previous", Escape: "leave" };
const TYPING = 'textarea, select, input:not([type="radio"]):not([type="checkbox"]):not([type="range"]), [contenteditable="true"], [role="listbox"], [role="combobox"], [role="dialog"], [role="menu"]';
const MOVING = '[role="slider"], [role="radiogroup"], [role="tablist"], input[type="range"], input[type="radio"]'; // arrows mean something there, a clicker's keys do not

export default function ({ data, parentElement, setTriggerValue }) {
  let bar = bars.get(parentElement);
  if (!bar) {
    bar = create(parentElement.querySelector(".presenter"));
    bars.set(parentElement, bar);
  }
  bar.send = (action) => setTriggerValue("pressed", action);
  draw(bar, data);
  return () => {
    document.removeEventListener("keydown", bar.press, true);
    bars.delete(parentElement);
  };
}

function create(root) {
  const bar = { root, stage: "reading" };
  const button = (action, key) => {
    const element = document.createElement("button");
    element.type = "button";
    element.className = action;
    element.setAttribute("aria-keyshortcuts", key);
    element.addEventListener("click", () => bar.send(action));
    return element;
  };
  bar.previous = button("previous", "ArrowLeft PageUp");
  bar.next = button("next", "ArrowRight PageDown");
  bar.leave = button("leave", "Escape");
  bar.leave.textContent = "Leave (Esc)";
  bar.place = document.createElement("span");
  bar.place.className = "place";
  root.setAttribute("role", "navigation");
  root.setAttribute("aria-label", "Presenter");
  root.replaceChildren(bar.previous, bar.place, bar.leave, bar.next);
  bar.press = (event) => {
    const action = KEYS[event.key];
    if (!action || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.isComposing) return;
    const inside = (where) => event.composedPath().some((node) => node.matches?.(where));
    if (inside(TYPING) || (event.key !== "PageDown" && event.key !== "PageUp" && inside(MOVING))) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) bar.send(action);
  };
  document.addEventListener("keydown", bar.press, true);
  return bar;
}

function draw(bar, data) {
  const label = (element, text) => {
    element.textContent = text || "";
    element.hidden = !text;
  };
  label(bar.previous, data.previous && `← ${data.previous}`);
  label(bar.next, data.next && `${data.next} →`);
  bar.place.textContent = data.place;
  if (data.page === bar.page && data.stage === bar.stage) return;
  const [turned, moved] = [bar.page !== undefined && data.page !== bar.page, data.stage !== bar.stage];
  bar.page = data.page;
  bar.stage = data.stage;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  if (turned || (moved && data.stage === "reading")) document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: turned ? "auto" : behavior });
  else if (moved) show(behavior, 20);
}

// The question may still be on its way when the bar is told of it.
function show(behavior, tries) {
  const question = document.querySelector('[data-testid="stMain"] [class*="_predict"]');
  if (question) question.scrollIntoView({ block: "center", behavior });
  else if (tries) setTimeout(() => show(behavior, tries - 1), 100);
}
