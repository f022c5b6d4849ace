// Keeps in this browser which stops of the guided path are done; Python says what is new and checks what comes from here.

const KEY = "lmviz-path";

export default function ({ data, setTriggerValue }) {
  let stored = [];
  try {
    const found = JSON.parse(localStorage.getItem(KEY) || "[]");
    if (Array.isArray(found)) stored = found.filter((page) => data.stops.includes(page));
    const all = data.restarted ? data.done : data.stops.filter((page) => stored.includes(page) || data.done.includes(page));
    if (all.length === 0) localStorage.removeItem(KEY);
    else if (all.join() !== stored.join()) localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    return; // storage is switched off: the ticks last as long as the page is open
  }
  if (!data.restarted && stored.some((page) => !data.done.includes(page))) setTriggerValue("kept", stored);
}
