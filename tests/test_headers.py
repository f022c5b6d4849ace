"""What every answer of the server says about where its parts may come from."""

import asyncio

import pytest

from lmviz import headers


def policy() -> dict[str, list[str]]:
    directives = [part.split() for part in headers.headers()["Content-Security-Policy"].split("; ")]
    return {name: sources for name, *sources in directives}


def test_nothing_may_come_from_elsewhere_and_no_script_is_evaluated_from_text():
    rules = policy()
    sources = {source for name, listed in rules.items() if name != "frame-ancestors" for source in listed}
    assert not {s for s in sources if "://" in s or s in ("*", "https:", "http:")}
    assert "'unsafe-eval'" not in sources and "'unsafe-inline'" not in rules["script-src"]
    assert rules["default-src"] == ["'self'"] and rules["object-src"] == ["'none'"]


def test_by_default_only_the_book_s_own_host_may_frame_it():
    assert policy()["frame-ancestors"] == ["'self'"] and headers.headers()["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("asked, older", [("'none'", "DENY"), ("https://huggingface.co", None), ("'self' https://*.example.org:8443", None), ("*", None)])
def test_the_host_says_who_may_frame_it(asked, older, monkeypatch):
    monkeypatch.setenv("LMVIZ_FRAME_ANCESTORS", asked)
    assert policy()["frame-ancestors"] == asked.split() and headers.headers().get("X-Frame-Options") == older


@pytest.mark.parametrize("bad", ["'self'; script-src *", "'unsafe-inline'", "javascript:alert(1)", "https://a\nX-Other: 1", "“self”"])
def test_what_is_no_list_of_addresses_is_refused_by_name(bad, monkeypatch):
    monkeypatch.setenv("LMVIZ_FRAME_ANCESTORS", bad)
    with pytest.raises(ValueError, match="LMVIZ_FRAME_ANCESTORS"):
        headers.headers()


def answered(sent: list[dict], kind: str = "http") -> list[dict]:
    got = []

    async def app(scope, receive, send):
        for message in sent:
            await send(message)

    async def send(message):
        got.append(message)

    asyncio.run(headers.SecurityHeaders(app)({"type": kind}, None, send))
    return got


def test_every_http_answer_carries_them_and_an_answer_s_own_is_kept():
    start, body = answered([{"type": "http.response.start", "status": 404, "headers": [(b"X-Frame-Options", b"DENY")]}, {"type": "http.response.body"}])
    names = [name.lower() for name, _ in start["headers"]]
    assert sorted(names) == sorted(name.lower().encode() for name in headers.headers())
    assert dict(start["headers"])[b"X-Frame-Options"] == b"DENY" and body == {"type": "http.response.body"}


def test_a_websocket_is_left_as_it_is():
    assert answered([{"type": "websocket.accept", "headers": []}], "websocket") == [{"type": "websocket.accept", "headers": []}]
