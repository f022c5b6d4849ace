"""Is the book being read? Opens its first page on a running server, as a browser does, and waits until it is all there.

The server's own `/_stcore/health` answers before any page has run, and goes on answering when every page fails.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from lmviz.errors import ReaderError

EXPECTED = "cross-entropy"  # in the question that the first page asks


def check(url: str = "http://127.0.0.1:8501", *, timeout: float = 20.0) -> str:
    """One sentence if the first page of the book at `url` came without an exception within `timeout` seconds, else a ReaderError."""
    from websockets.exceptions import WebSocketException

    start = time.monotonic()
    try:
        headings = _first_page(url, timeout)
    except (OSError, TimeoutError, WebSocketException) as failed:
        raise ReaderError(f"The book at {url} does not answer ({type(failed).__name__}).") from failed
    if not any(EXPECTED in heading for heading in headings):
        raise ReaderError(f"The server at {url} answers, but its first page is not the book's.")
    return f"The first page came whole in {time.monotonic() - start:.1f} s."


def _first_page(url: str, timeout: float) -> list[str]:
    """The headings of the first page. ReaderError if its script failed; TimeoutError."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    parts = urlsplit(url)
    address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path.rstrip('/')}/_stcore/stream"
    deadline, headings = time.monotonic() + timeout, []
    with connect(
        address, subprotocols=["streamlit"], origin=f"{parts.scheme}://{parts.netloc}", max_size=None, open_timeout=timeout, close_timeout=1
    ) as server:
        ask = BackMsg()
        ask.rerun_script.context_info.url = url
        server.send(ask.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(server.recv(timeout=max(0.0, deadline - time.monotonic())))
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise ReaderError("The script of the book does not compile.")
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return headings
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    raise ReaderError(f"The first page fails: {element.exception.type}.")
                if element.WhichOneof("type") == "heading":
                    headings.append(element.heading.body)
