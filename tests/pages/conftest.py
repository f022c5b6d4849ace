"""What the tests of several pages share: opening a chapter through app.py, and reading what stands on it."""

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


def open_chapter(page: str, **query: str) -> AppTest:
    """The page as a browser gets it that comes with these parameters in the address."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update(query)
    at.run()
    at.switch_page(page).run()
    assert not at.exception
    return at


def words_of(at: AppTest) -> str:
    """The page's sentences."""
    return "\n".join(element.value for element in at.markdown)


def figures_of(at: AppTest) -> list[dict]:
    """The specifications of the page's figures, from the top."""
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
