#!/usr/bin/env python3
"""A raw load client for a running Streamlit (>= 1.60) app: no browser, real websocket protocol.

Each simulated visitor opens ``/_stcore/stream``, speaks Streamlit's protobuf protocol exactly as the
browser does (BackMsg.rerun_script up, ForwardMsg down, ref_hash message cache included), learns the
ids of the widgets from the elements it receives, then changes one widget after another and measures
the time from sending the change to ``script_finished``.

Needs only what Streamlit itself installs (streamlit, websockets, protobuf); run it with the app's venv.
It talks to loopback addresses only, and always stops by itself (--duration, hard limit 170 s).

Examples
--------
  # 50 visitors for 60 s, one interaction every 2 s on average, all on the page /play
  python load_client.py --url http://127.0.0.1:8501 --sessions 50 --duration 60 --think 2 --page play \
      --act slider:k=0:100 --act component:hm.clicked=0:59 --server-pid 1234 --json out.json

  # acceptance style: exit 1 when p95 is over 2000 ms or anything failed
  python load_client.py --url http://127.0.0.1:8501 --sessions 50 --duration 60 --max-p95-ms 2000

Actions (--act, repeatable; picked at random; default: every slider and button group found)
  slider:KEY=LO:HI        random integer to st.slider / st.number_input with that key
  text:KEY=a|b|c          one of the given strings to st.text_area / st.text_input / st.selectbox / st.radio
  choice:KEY              random option of st.segmented_control / st.pills / st.selectbox / st.radio
  click:KEY               press st.button / st.form_submit_button
  component:KEY.EVENT=LO:HI   setTriggerValue(EVENT, random int) of a components-v2 instance
  state:KEY.NAME=LO:HI    setStateValue(NAME, random int) of a components-v2 instance
  page:URL_PATH           go to another page ("" = the default page)
  rerun                   plain rerun, nothing changed

Library use (for tests)
  async with Visitor("http://127.0.0.1:8501", page="play") as v:
      await v.load()                      # first run; v.first_ms, v.elements, v.exceptions
      ms = await v.set("k", 7)            # rerun, returns milliseconds
      ms = await v.trigger("hm", "clicked", 3)
      assert not v.exceptions and "k=7" in v.text()
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import math
import os
import random
import socket
import sys
import time
from urllib.parse import urlsplit

os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: E402
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

FIN = ForwardMsg.ScriptFinishedStatus
VALUE_FIELD = {  # element type -> WidgetState field the browser fills
    "slider": "double_array_value",
    "number_input": "double_value",
    "text_area": "string_value",
    "text_input": "string_value",
    "checkbox": "bool_value",
    "button": "trigger_value",
    "button_group": "string_array_value",
    "selectbox": "string_value",
    "radio": "string_value",
    "multiselect": "string_array_value",
    "plotly_chart": "string_value",
    "pagination": "int_value",
}
HARD_LIMIT_S = 170.0


def loopback_only(url: str) -> tuple[str, int]:
    u = urlsplit(url)
    host, port = u.hostname or "", u.port or 8501
    for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not ipaddress.ip_address(info[4][0]).is_loopback:
            raise SystemExit(f"refusing to load-test a non-loopback address: {host}")
    return host, port


class ScriptError(RuntimeError):
    pass


class Visitor:
    """One browser tab."""

    def __init__(self, url: str, page: str = "", query: str = "", timeout: float = 60.0):
        self.host, self.port = loopback_only(url)
        self.base = url.rstrip("/")
        self.page, self.query, self.timeout = page, query, timeout
        self.page_hash = ""
        self.widgets: dict[str, dict] = {}  # user key (or id) -> {id,type,proto,fragment}
        self.values: dict[str, tuple[str, object]] = {}  # widget id -> (field, value)
        self.elements: dict[tuple, object] = {}  # delta path -> Element
        self.exceptions: list[str] = []
        self.pages: dict[str, str] = {}  # url_path -> page_script_hash
        self.cache: dict[str, bytes] = {}  # hash -> serialized ForwardMsg (as browsers do)
        self.seen: list[str] = []
        self.bytes_in = self.msgs_in = self.reruns = 0
        self.first_ms = math.nan
        self.page_not_found = False
        self._fragment_run = False

    async def __aenter__(self) -> Visitor:
        self.ws = await connect(
            f"ws://{self.host}:{self.port}/_stcore/stream",
            subprotocols=["streamlit"],
            origin=f"http://{self.host}:{self.port}",
            max_size=None,
            open_timeout=self.timeout,
            compression=None,
            ping_interval=None,
        )
        return self

    async def __aexit__(self, *exc) -> None:
        await self.ws.close()

    # -- protocol ---------------------------------------------------------------------------
    def _register(self, path: tuple, el, fragment: str) -> None:
        kind = el.WhichOneof("type")
        self.elements[path] = el
        if kind == "exception":
            self.exceptions.append(f"{el.exception.type}: {el.exception.message}")
        obj = getattr(el, kind) if kind else None
        wid = getattr(obj, "id", "") if obj is not None else ""
        if wid:
            key = wid.split("-", 2)[2] if wid.startswith("$$ID-") and wid.count("-") >= 2 else wid
            self.widgets[key if key != "None" else wid] = {"id": wid, "type": kind, "proto": obj, "fragment": fragment}

    def _handle(self, msg: ForwardMsg, raw: bytes) -> bool:
        kind = msg.WhichOneof("type")
        if kind == "ref_hash":
            stored = self.cache.get(msg.ref_hash)
            if stored is None:
                raise ScriptError(f"server referred to unknown cached message {msg.ref_hash}")
            full = ForwardMsg()
            full.ParseFromString(stored)
            full.metadata.CopyFrom(msg.metadata)
            self.seen.append(msg.ref_hash)
            msg, kind = full, full.WhichOneof("type")
        elif msg.metadata.cacheable and msg.hash:
            self.cache[msg.hash] = raw
            self.seen.append(msg.hash)
        if kind == "new_session":
            self.page_hash = msg.new_session.page_script_hash
            if not self._fragment_run:  # a full run redraws everything, a fragment run only its part
                self.elements.clear()
                self.widgets.clear()
        elif kind == "navigation":
            self.page_hash = msg.navigation.page_script_hash or self.page_hash
            self.pages = {("" if p.is_default else p.url_pathname): p.page_script_hash for p in msg.navigation.app_pages}
        elif kind == "page_not_found":
            self.page_not_found = True
        elif kind == "delta" and msg.delta.WhichOneof("type") == "new_element":
            self._register(tuple(msg.metadata.delta_path), msg.delta.new_element, msg.delta.fragment_id)
        elif kind == "script_finished":
            st = msg.script_finished
            if st == FIN.FINISHED_WITH_COMPILE_ERROR:
                raise ScriptError("compile error")
            return st != FIN.FINISHED_EARLY_FOR_RERUN
        return False

    async def _run(self, fragment: str = "", extra: list[tuple[str, str, object]] = (), page_hash: str | None = None) -> float:
        m = BackMsg()
        r = m.rerun_script
        r.query_string = self.query
        if page_hash is not None or self.page_hash:
            r.page_script_hash = self.page_hash if page_hash is None else page_hash
        else:
            r.page_name = self.page
        r.fragment_id = fragment
        for wid, (field, value) in list(self.values.items()) + [(w, (f, v)) for w, f, v in extra]:
            w = r.widget_states.widgets.add()
            w.id = wid
            if field.endswith("_array_value"):
                getattr(w, field).data.extend(value)
            else:
                setattr(w, field, value)
        r.cached_message_hashes.extend(dict.fromkeys(self.seen))
        c = r.context_info
        c.timezone, c.locale, c.url, c.color_scheme = "UTC", "en-US", f"{self.base}/{self.page}", "light"
        self.seen, self.exceptions, self._fragment_run = [], [], bool(fragment)
        t0 = time.perf_counter()
        await self.ws.send(m.SerializeToString())
        while True:
            raw = await asyncio.wait_for(self.ws.recv(), self.timeout)
            self.bytes_in += len(raw)
            self.msgs_in += 1
            msg = ForwardMsg()
            msg.ParseFromString(raw)
            if self._handle(msg, raw):
                self.reruns += 1
                return (time.perf_counter() - t0) * 1e3

    # -- what a visitor can do --------------------------------------------------------------
    async def load(self) -> float:
        self.first_ms = await self._run()
        return self.first_ms

    async def rerun(self) -> float:
        return await self._run()

    async def goto(self, url_path: str) -> float:
        self.page = url_path
        self.values.clear()
        self.query = ""
        return await self._run(page_hash=self.pages[url_path])

    async def set(self, key: str, value) -> float:
        w = self.widgets[key]
        field = VALUE_FIELD[w["type"]]
        if field.endswith("_array_value"):
            value = [value] if not isinstance(value, (list, tuple)) else list(value)
            if field == "double_array_value":
                value = [float(x) for x in value]
        if field == "trigger_value":
            return await self._run(w["fragment"], [(w["id"], field, True)])
        self.values[w["id"]] = (field, value)
        return await self._run(w["fragment"])

    async def click(self, key: str) -> float:
        return await self.set(key, True)

    async def trigger(self, key: str, event: str, value) -> float:
        w = self.widgets[key]
        wid = f"$$STREAMLIT_INTERNAL_KEY_{w['id']}__events"
        return await self._run(w["fragment"], [(wid, "json_trigger_value", json.dumps([{"event": event, "value": value}]))])

    async def state(self, key: str, name: str, value) -> float:
        w = self.widgets[key]
        old = json.loads(self.values[w["id"]][1]) if w["id"] in self.values else {}
        self.values[w["id"]] = ("json_value", json.dumps({**old, name: value}))
        return await self._run(w["fragment"])

    def text(self) -> str:
        out = []
        for _, el in sorted(self.elements.items()):
            k = el.WhichOneof("type")
            body = getattr(getattr(el, k), "body", None) if k else None
            if isinstance(body, str):
                out.append(body)
        return "\n".join(out)

    def find(self, kind: str, label: str = "") -> str:
        """Key of the first widget of an element type ("slider", "button", "bidi_component"...), by label part."""
        for key, w in self.widgets.items():
            if w["type"] == kind and label.lower() in (getattr(w["proto"], "label", "") or "").lower():
                return key
        raise KeyError(f"no {kind} with label {label!r} on this page; have {sorted(self.widgets)}")

    def options(self, key: str) -> list[str]:
        p = self.widgets[key]["proto"]
        opts = getattr(p, "options", [])
        return [o if isinstance(o, str) else (getattr(o, "content", "") or getattr(o, "content_icon", "")) for o in opts]


# -- the load ------------------------------------------------------------------------------------
def parse_range(s: str) -> tuple[int, int]:
    lo, hi = s.split(":")
    return int(lo), int(hi)


async def act(v: Visitor, spec: str, rng: random.Random) -> float:
    kind, _, rest = spec.partition(":")
    if kind == "rerun":
        return await v.rerun()
    if kind == "page":
        return await v.goto(rest)
    if kind == "click":
        return await v.click(rest)
    if kind == "choice":
        opts = v.options(rest)
        return await v.set(rest, rng.choice(opts))
    name, _, arg = rest.partition("=")
    if kind == "text":
        return await v.set(name, rng.choice(arg.split("|")))
    val = rng.randint(*parse_range(arg))
    if kind == "slider":
        return await v.set(name, val)
    key, _, ev = name.partition(".")
    return await (v.trigger if kind == "component" else v.state)(key, ev, val)


def applicable(v: Visitor, spec: str) -> bool:
    """Is the widget of this action on the page that the visitor is on?"""
    kind, _, rest = spec.partition(":")
    if kind in ("rerun", "page"):
        return True
    key = rest.partition("=")[0]
    if kind in ("component", "state"):
        key = key.partition(".")[0]
    return key in v.widgets


def default_acts(v: Visitor) -> list[str]:
    out = []
    for key, w in v.widgets.items():
        if w["type"] == "slider":
            p = w["proto"]
            out.append(f"slider:{key}={math.ceil(p.min)}:{math.floor(p.max)}")
        elif w["type"] == "button_group":
            out.append(f"choice:{key}")
    return out or ["rerun"]


async def visitor(i: int, a, t_end: float, out: dict) -> None:
    rng = random.Random(a.seed + i)
    await asyncio.sleep(a.ramp * i / max(1, a.sessions))
    try:
        async with Visitor(a.url, a.page, a.query, a.timeout) as v:
            out["first"].append(await v.load())
            out["connected"] += 1
            if v.page_not_found:
                out["errors"].append(f"visitor {i}: page not found")
            if v.exceptions:
                out["errors"].append(f"visitor {i}: {v.exceptions[0]}")
            acts = a.act or default_acts(v)
            while time.perf_counter() < t_end:
                pause = rng.expovariate(1 / a.think) if a.think > 0 else 0.0
                await asyncio.sleep(max(0.0, min(pause, t_end - time.perf_counter())))
                if time.perf_counter() >= t_end:
                    break
                here = [s for s in acts if applicable(v, s)]
                if not here:
                    out["errors"].append(f"visitor {i}: none of the actions' widgets is on this page")
                    break
                spec = rng.choice(here)
                ms = await act(v, spec, rng)
                out["lat"].append(ms)
                out["by"].setdefault(spec.split("=")[0], []).append(ms)
                if v.exceptions:
                    out["errors"].append(f"visitor {i} after {spec}: {v.exceptions[0]}")
            out["bytes"] += v.bytes_in
            out["reruns"] += v.reruns
    except Exception as e:  # noqa: BLE001 - every failure is counted
        out["errors"].append(f"visitor {i}: {type(e).__name__}: {e}")


def pct(xs: list[float], q: float) -> float:
    if not xs:
        return math.nan
    xs = sorted(xs)
    return xs[min(len(xs) - 1, max(0, math.ceil(q * len(xs)) - 1))]


def proc(pid: int | None) -> tuple[float, float]:
    """(cpu seconds, rss MiB) of the server."""
    if not pid:
        return math.nan, math.nan
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    rss = next(int(x.split()[1]) for x in open(f"/proc/{pid}/status") if x.startswith("VmRSS"))
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK"), rss / 1024


async def main(a) -> int:
    loopback_only(a.url)
    out = {"lat": [], "first": [], "errors": [], "by": {}, "bytes": 0, "reruns": 0, "connected": 0}
    duration = min(a.duration, HARD_LIMIT_S - a.ramp)
    c0, r0 = proc(a.server_pid)
    t0 = time.perf_counter()
    tasks = [asyncio.create_task(visitor(i, a, t0 + a.ramp + duration, out)) for i in range(a.sessions)]
    done, pending = await asyncio.wait(tasks, timeout=a.ramp + duration + a.timeout)
    for t in pending:
        t.cancel()
        out["errors"].append("visitor still running at the hard limit")
    wall = time.perf_counter() - t0
    c1, r1 = proc(a.server_pid)
    res = {
        "sessions": a.sessions,
        "connected": out["connected"],
        "wall_s": round(wall, 1),
        "reruns": len(out["lat"]),
        "reruns_per_s": round(len(out["lat"]) / wall, 2),
        "first_load_ms": {
            "p50": round(pct(out["first"], 0.5), 1),
            "p95": round(pct(out["first"], 0.95), 1),
            "max": round(max(out["first"], default=math.nan), 1),
        },
        "rerun_ms": {
            "p50": round(pct(out["lat"], 0.5), 1),
            "p95": round(pct(out["lat"], 0.95), 1),
            "p99": round(pct(out["lat"], 0.99), 1),
            "max": round(max(out["lat"], default=math.nan), 1),
        },
        "by_action_p50_p95": {k: [round(pct(x, 0.5), 1), round(pct(x, 0.95), 1), len(x)] for k, x in out["by"].items()},
        "kB_per_run": round(out["bytes"] / 1e3 / max(1, out["reruns"]), 1),
        "server_cpu_ms_per_run": round((c1 - c0) * 1e3 / max(1, out["reruns"]), 1) if a.server_pid else None,
        "server_cpu_util": round((c1 - c0) / wall, 2) if a.server_pid else None,
        "server_rss_mib": [round(r0), round(r1)] if a.server_pid else None,
        "load_avg": os.getloadavg()[0],
        "errors": len(out["errors"]),
        "first_errors": out["errors"][:5],
    }
    res = json.loads(json.dumps(res).replace("NaN", "null"))
    print(json.dumps(res, indent=1))
    if a.json:
        with open(a.json, "w") as f:
            json.dump(res, f, indent=1)
    bad = bool(out["errors"]) or out["connected"] < a.sessions or not out["lat"]
    if a.max_p95_ms and pct(out["lat"], 0.95) > a.max_p95_ms:
        print(f"p95 {pct(out['lat'], 0.95):.0f} ms is over {a.max_p95_ms} ms")
        bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--url", default="http://127.0.0.1:8501")
    p.add_argument("--sessions", type=int, default=50)
    p.add_argument("--duration", type=float, default=60)
    p.add_argument("--ramp", type=float, default=10, help="seconds over which the visitors arrive")
    p.add_argument("--think", type=float, default=2, help="mean seconds between interactions (exponential); 0 = closed loop")
    p.add_argument("--page", default="", help="url_path of the first page")
    p.add_argument("--query", default="", help="query string of the first load")
    p.add_argument("--act", action="append", default=[])
    p.add_argument("--timeout", type=float, default=60)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--server-pid", type=int)
    p.add_argument("--max-p95-ms", type=float)
    p.add_argument("--json")
    sys.exit(asyncio.run(main(p.parse_args())))
