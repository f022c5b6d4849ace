"""Security headers on every answer of the server: the book loads nothing from elsewhere, and says so to the browser.

Streamlit sends none of these by itself. The style sheet rule is loose because Streamlit styles its page from scripts; scripts
are the server's own files, components (which Streamlit imports as blobs), and the inline scripts of its start page, by hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from importlib import resources

from lmviz import settings

_INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_ANCESTOR = re.compile(r"'self'|'none'|\*|(https?:)?(//)?[A-Za-z0-9.*-]+(:[0-9*]+)?")


def script_hashes(html: str) -> list[str]:
    """The CSP hash of each inline script of a page.

    >>> script_hashes("<script>alert('Hello, world.');</script>")  # the example of the CSP specification
    ["'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"]
    """
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in _INLINE.findall(html)]


@lru_cache(1)
def _start_page() -> str:
    return resources.files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")


def frame_ancestors() -> str:
    """Who may show the book in a frame of theirs, from LMVIZ_FRAME_ANCESTORS. ValueError if that is no list of sources."""
    asked = settings.value("LMVIZ_FRAME_ANCESTORS").split()
    if not asked or not all(_ANCESTOR.fullmatch(source) for source in asked):
        raise ValueError(f"LMVIZ_FRAME_ANCESTORS must be 'self', 'none' or addresses with spaces between them, got “{' '.join(asked)[:80]}”")
    return " ".join(asked)


def headers() -> dict[str, str]:
    """The headers, by name."""
    ancestors = frame_ancestors()
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "blob:", *script_hashes(_start_page())]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": ancestors,
    }
    sent = {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
    older = {"'self'": "SAMEORIGIN", "'none'": "DENY"}.get(ancestors)  # the older header knows these two only
    return sent | ({"X-Frame-Options": older} if older else {})


class SecurityHeaders:
    """ASGI middleware that adds `headers()` to every HTTP answer which does not have them."""

    def __init__(self, app):
        self.app = app
        self.added = [(name.lower().encode(), text.encode()) for name, text in headers().items()]

    async def __call__(self, scope, receive, send):
        async def with_headers(message):
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message.get("headers", [])}
                message = message | {"headers": [*message.get("headers", []), *(h for h in self.added if h[0] not in there)]}
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
