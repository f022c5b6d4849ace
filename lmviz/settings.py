"""What the host of the book may decide: environment variables, each with its default and its meaning, in one table.

They are read when they are asked for, never at import, so that a test or a notebook can change one. Standard library only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One environment variable. The type of the default is the type of its value: bool, int or str."""

    name: str
    default: bool | int | str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting("LMVIZ_CACHE", "", "the folder for weights that are fetched or converted; empty: the platform's cache folder for lmviz"),
    Setting("LMVIZ_NO_SMOLLM2", False, "1: behave as if the package with SmolLM2's weights were not installed"),
    Setting("LMVIZ_FETCH", True, "0: readers are not offered to fetch SmolLM2 (94 MB) onto the machine that serves the book"),
    Setting("LMVIZ_HUB", False, "1: readers may load models from the Hugging Face hub by name, which fetches files onto the machine that serves the book"),
    Setting("LMVIZ_HUB_MAX_MB", 1200, "the largest safetensors files, in megabytes, that a hub model may have"),
    Setting("LMVIZ_HUB_LOCAL", False, "1: a hub model may also be named by a folder of the machine that serves the book"),
    Setting("LMVIZ_MODELS", "", "the models that readers may choose, by name with commas between them (“nano,trigram”); empty: all that are here"),
    Setting("LMVIZ_MAX_CHARACTERS", 20_000, "how many characters of a text are scored; the rest of a longer one is cut, and the page says so"),
    Setting("LMVIZ_FRAME_ANCESTORS", "'self'", "who may show the book inside a frame, as in CSP's frame-ancestors: 'self', 'none', or addresses"),
    Setting("LMVIZ_URL", "", "the address under which others reach the book, for links and QR codes; empty: the one in the reader's browser"),
    Setting(
        "LMVIZ_TRAINING_SLOTS",
        1,
        "how many readers' training runs are worked on at once, in chapter 17, and in 13 and 15 together; each takes one core. 0: nobody trains anything; the recorded runs only",
    ),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}
_OFF = {"0", "false", "no", "off"}


def value(name: str) -> bool | int | str:
    """The value of a setting now: of the environment if it is set and not empty, else the default.

    A switch is on unless it is 0, false, no or off, in any case. KeyError for a name that is not in the table; ValueError,
    naming the variable, for a whole number that is not one.

    >>> import os
    >>> os.environ["LMVIZ_HUB"] = "1"
    >>> value("LMVIZ_HUB")
    True
    >>> os.environ["LMVIZ_HUB"] = "0"
    >>> value("LMVIZ_HUB")
    False
    >>> del os.environ["LMVIZ_HUB"]
    """
    setting = _BY_NAME[name]
    text = os.environ.get(name, "").strip()
    if not text:
        return setting.default
    if isinstance(setting.default, bool):
        return text.lower() not in _OFF
    if isinstance(setting.default, int):
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"{name} must be a whole number, got “{text[:40]}”") from None
        if number < 0:
            raise ValueError(f"{name} must not be negative, got {number}")
        return number
    return text


def table() -> str:
    """All settings as a Markdown table: what `python -m lmviz settings` prints, and the README's."""
    rows = [f"| `{s.name}` | {int(s.default) if isinstance(s.default, bool) else s.default or '—'} | {s.meaning} |" for s in SETTINGS]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])
