"""Write the opening example's `ScoredText` for every model of this machine: `python -m lmviz.data.first_views.make`."""

import json

from lmviz import models
from lmviz.data import examples
from lmviz.models import scoring
from lmviz.data.examples import FIRST_VIEWS


def main() -> None:
    for name in models.names():
        scored = scoring.score(models.load(name), examples.OPENING)
        (FIRST_VIEWS / f"{name}.json").write_text(json.dumps(scored.as_dict(), ensure_ascii=False, indent=0), encoding="utf-8")
        print(name, scored.perplexity)


if __name__ == "__main__":
    main()
