// The board of the guessing game: shows what is uncovered, takes a key or a tap, and hands each guess to Python.
// What is hidden never comes here: the browser knows only how many symbols are left. Text enters through textContent only.

const ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm", " "];
const CODE = /^#results=([a-z0-9.-]{1,6000})$/; // a link that brings results of others
const WAIT = 5000; // ms after which an unanswered guess may be given again
const boards = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let board = boards.get(parentElement);
  if (!board || !board.root.isConnected) {
    board = create(parentElement.querySelector(".board"));
    boards.set(parentElement, board);
  }
  board.send = (guess) => setTriggerValue("guess", guess);
  update(board, data);
  const brought = CODE.exec(window.location.hash);
  if (brought && data.takes_results) {
    window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search); // once
    setTriggerValue("arrived", brought[1]);
  }
  return () => boards.delete(parentElement);
}

function create(root) {
  const board = { root, drawn: "", keys: new Map(), queue: [], asked: null };
  board.cells = make("div", "cells");
  board.tried = make("p", "tried");
  board.letters = make("div", "keys");
  board.input = make("input", "", { type: "text", maxlength: "24", autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-label": "The next token" });
  board.form = make("form", "typed", {}, board.input, make("button", "", { type: "submit" }, "Guess"));
  board.live = make("div", "unseen", { role: "status", "aria-live": "polite" });
  board.play = make("div", "play", {}, board.tried, board.letters, board.form);
  board.surface = make("div", "surface", {}, board.cells, board.play);
  root.replaceChildren(board.surface, board.live);
  for (const row of ROWS) {
    const line = make("div", "row");
    for (const letter of row) {
      const key = make("button", letter === " " ? "key space" : "key", { type: "button", "data-letter": letter, tabindex: "-1" }, letter === " " ? "space" : letter.toUpperCase());
      board.keys.set(letter, key);
      line.append(key);
    }
    board.letters.append(line);
  }
  board.letters.addEventListener("click", (event) => {
    const key = event.target.closest?.(".key");
    if (!key) return;
    guess(board, key.dataset.letter);
    board.surface.focus({ preventScroll: true });
  });
  board.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = board.input.value.trim();
    if (typed) guess(board, typed);
    board.input.value = "";
  });
  board.surface.addEventListener("keydown", (event) => {
    if (!board.data.playing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key !== "Tab" && event.key !== "Escape") event.stopPropagation(); // Streamlit has shortcuts of its own on letters
    if (board.data.mode !== "letters" || event.repeat) return;
    const letter = event.key.toLowerCase();
    if (!board.keys.has(letter)) return;
    event.preventDefault();
    guess(board, letter);
  });
  return board;
}

// A guess goes out when the one before it has been answered; what is typed ahead waits, and is forgotten after a miss.
function guess(board, symbol) {
  if (!board.data.playing) return;
  if (board.asked && Date.now() - board.asked.at < WAIT) {
    if (board.queue.length < 20) board.queue.push(symbol);
    return;
  }
  if (board.data.wrong.includes(symbol)) return say(board, `${spoken(symbol)} was tried already.`);
  board.asked = { turn: board.data.turn, found: board.data.cells.length, at: Date.now() };
  board.surface.classList.add("waiting");
  board.send({ symbol, turn: board.data.turn, game: board.data.game });
}

function update(board, data) {
  const before = board.data;
  board.data = data;
  if (board.asked && (data.turn !== board.asked.turn || data.game !== before?.game)) {
    if (data.cells.length === board.asked.found) board.queue = [];
    board.asked = null;
  }
  board.surface.classList.toggle("waiting", Boolean(board.asked));
  takeColours(board.root);
  const drawn = JSON.stringify(data);
  if (drawn !== board.drawn) {
    board.drawn = drawn;
    draw(board);
    say(board, data.said);
  }
  const begins = data.playing && data.game !== board.focused;
  if (begins) {
    board.focused = data.game;
    board.queue = [];
    (data.mode === "letters" ? board.surface : board.input).focus({ preventScroll: true });
  }
  if (!board.asked && board.queue.length) guess(board, board.queue.shift());
}

function takeColours(root) {
  const loss = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",")[1];
  if (loss) root.style.setProperty("--loss", loss.trim());
}

function draw(board) {
  const { data, cells, surface } = board;
  const playing = data.playing;
  if (playing) {
    surface.setAttribute("role", "application");
    surface.setAttribute("tabindex", "0");
  } else {
    surface.setAttribute("role", "group");
    surface.removeAttribute("tabindex");
  }
  surface.setAttribute("aria-label", data.title);
  board.play.hidden = !playing;
  board.letters.hidden = data.mode !== "letters";
  board.form.hidden = data.mode === "letters";
  let word = make("span", "word");
  const all = [word];
  for (const { text, guesses, shade, title } of data.cells) {
    const cell = make("span", "cell", { style: `--v: ${shade}` }, make("span", "text", {}, text), make("span", "guesses", {}, guesses));
    if (title) cell.title = title;
    word.append(cell);
    if (text === "·" || data.mode !== "letters") all.push((word = make("span", "word")));
  }
  if (data.hidden) {
    word.append(make("span", "cell next", { "aria-hidden": "true" }, make("span", "text", {}, playing ? "?" : "_"), make("span", "guesses", {}, playing ? String(data.wrong.length + 1) : "")));
    for (let i = 1; i < data.hidden; i++) all.push(make("span", "cell blank", { "aria-hidden": "true" }, make("span", "text", {}, "_"), make("span", "guesses")));
  }
  cells.replaceChildren(...all.filter((part) => part.childElementCount));
  board.tried.replaceChildren(data.progress);
  if (data.mode !== "letters" && data.wrong.length) board.tried.append(" Not: ", ...data.wrong.map((word) => make("s", "", {}, word)));
  for (const [letter, key] of board.keys) {
    const out = data.wrong.includes(letter);
    key.classList.toggle("out", out);
    key.setAttribute("aria-disabled", String(out));
    key.setAttribute("aria-label", out ? `${spoken(letter)}, tried already` : spoken(letter));
  }
}

const spoken = (symbol) => (symbol === " " ? "space" : symbol);

function say(board, sentence) {
  if (board.live.textContent !== sentence) board.live.textContent = sentence;
}
