"""Two distributions over a few named outcomes, to be edited by hand. No torch: the first picture of a chapter needs none."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

FEWEST, MOST = 2, 8
LONGEST = 40  # characters of a name


@dataclass(frozen=True)
class Outcomes:
    """2 to 8 names, the truth p and the model q over them, each summing to 1."""

    names: tuple[str, ...]
    p: tuple[float, ...]
    q: tuple[float, ...]

    def __post_init__(self):
        if not FEWEST <= len(self.names) <= MOST or not len(self.names) == len(self.p) == len(self.q):
            raise ValueError(f"names, p and q must be {FEWEST} to {MOST} each and as many, got {len(self.names)}, {len(self.p)} and {len(self.q)}")

    def __len__(self) -> int:
        return len(self.names)


def set_share(shares: Sequence[float], index: int, value: float) -> tuple[float, ...]:
    """The shares with one set to `value` and the others scaled to make up the rest, in proportion; evenly if they were all 0.

    Raises ValueError if value is not in [0, 1].

    >>> set_share((0.5, 0.25, 0.25), 0, 0.2), set_share((1.0, 0.0, 0.0), 0, 0.5)
    ((0.2, 0.4, 0.4), (0.5, 0.25, 0.25))
    """
    if not 0 <= value <= 1:
        raise ValueError(f"value must be a share from 0 to 1, got {value}")
    others = sum(share for i, share in enumerate(shares) if i != index)
    even = (1 - value) / (len(shares) - 1)
    return tuple(value if i == index else (1 - value) * share / others if others > 0 else even for i, share in enumerate(shares))


def exchanged(outcomes: Outcomes) -> Outcomes:
    """p and q in each other's place."""
    return replace(outcomes, p=outcomes.q, q=outcomes.p)


def renamed(outcomes: Outcomes, index: int, name: str) -> Outcomes:
    """One outcome under another name."""
    return replace(outcomes, names=tuple(name if i == index else old for i, old in enumerate(outcomes.names)))


def added(outcomes: Outcomes, name: str) -> Outcomes:
    """One outcome more, with a tenth of p and of q; the others keep their proportions. Raises ValueError beyond MOST.

    >>> added(PRESETS["Fair coin"], "edge").p
    (0.45, 0.45, 0.1)
    """
    return Outcomes((*outcomes.names, name), set_share((*outcomes.p, 0.0), len(outcomes), 0.1), set_share((*outcomes.q, 0.0), len(outcomes), 0.1))


def removed(outcomes: Outcomes, index: int) -> Outcomes:
    """One outcome less, its share given to the others in proportion. Raises ValueError below FEWEST.

    >>> removed(PRESETS["Weather forecast"], 2).names
    ('sun', 'cloud')
    """
    keep = [i for i in range(len(outcomes)) if i != index]
    p, q = set_share(outcomes.p, index, 0.0), set_share(outcomes.q, index, 0.0)
    return Outcomes(*(tuple(row[i] for i in keep) for row in (outcomes.names, p, q)))


def written(outcomes: Outcomes) -> str:
    """The outcomes as a line of text, which `read` reads back.

    >>> written(PRESETS["Fair coin"])
    '[["heads",0.5,0.8],["tails",0.5,0.2]]'
    """
    return json.dumps([list(row) for row in zip(outcomes.names, outcomes.p, outcomes.q)], ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> Outcomes:
    """What `written` wrote. It may come from anywhere: ValueError unless p and q are distributions over 2 to 8 short names.

    >>> read(written(PRESETS["Loaded die"])) == PRESETS["Loaded die"]
    True
    """
    rows = json.loads(text)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == 3 for row in rows):
        raise ValueError("text must be a list of [name, p, q]")
    if any(not isinstance(name, str) or not 1 <= len(name) <= LONGEST for name, _, _ in rows):
        raise ValueError(f"a name must be text of 1 to {LONGEST} characters")
    if any(type(share) not in (int, float) or not 0 <= share <= 1 for _, *shares in rows for share in shares):
        raise ValueError("a share must be a number from 0 to 1")
    names, p, q = zip(*rows) if rows else ((), (), ())
    if any(abs(math.fsum(shares) - 1) > 1e-9 for shares in (p, q)):
        raise ValueError("p and q must each sum to 1")
    return Outcomes(names, tuple(map(float, p)), tuple(map(float, q)))


PRESETS = {
    "Weather forecast": Outcomes(("sun", "cloud", "rain"), (0.5, 0.3, 0.2), (0.7, 0.25, 0.05)),
    "Fair coin": Outcomes(("heads", "tails"), (0.5, 0.5), (0.8, 0.2)),
    "Loaded die": Outcomes(("1", "2", "3", "4", "5", "6"), (0.1, 0.1, 0.1, 0.1, 0.1, 0.5), (1 / 6,) * 6),
    "Never say never": Outcomes(("yes", "no", "perhaps"), (0.6, 0.3, 0.1), (0.7, 0.3, 0.0)),
}
"""What is so (p) and what somebody believes (q)."""
