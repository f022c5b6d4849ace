"""Environment variables: one table, read when asked for."""

import re
from pathlib import Path

import pytest

from lmviz import settings

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda s: s.name)
def test_an_unset_or_empty_variable_gives_the_default(setting, monkeypatch):
    monkeypatch.delenv(setting.name, raising=False)
    assert settings.value(setting.name) == setting.default
    monkeypatch.setenv(setting.name, " ")
    assert settings.value(setting.name) == setting.default


@pytest.mark.parametrize("text, on", [("1", True), ("yes", True), ("0", False), ("No", False), ("OFF", False), ("false", False)])
@pytest.mark.parametrize("name", [s.name for s in settings.SETTINGS if isinstance(s.default, bool)])
def test_a_switch_understands_the_usual_words(name, text, on, monkeypatch):
    monkeypatch.setenv(name, text)
    assert settings.value(name) is on


def test_a_number_that_is_not_one_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("LMVIZ_HUB_MAX_MB", "300")
    assert settings.value("LMVIZ_HUB_MAX_MB") == 300
    for bad in ("much", "-1", "1.5"):
        monkeypatch.setenv("LMVIZ_HUB_MAX_MB", bad)
        with pytest.raises(ValueError, match="LMVIZ_HUB_MAX_MB"):
            settings.value("LMVIZ_HUB_MAX_MB")


def test_a_variable_that_is_not_in_the_table_cannot_be_read():
    with pytest.raises(KeyError):
        settings.value("LMVIZ_SOMETHING")


def test_every_variable_that_the_package_mentions_is_in_the_table_and_none_is_read_elsewhere():
    sources = [ROOT / "app.py", *(ROOT / "lmviz").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    known = {s.name for s in settings.SETTINGS} | {"LMVIZ_TEST_COLD"}
    for source in sources:
        text = source.read_text()
        assert set(re.findall(r"\bLMVIZ_[A-Z0-9_]+\b", text)) <= known, source
        if source.name != "settings.py":
            assert not re.search(r"environ[^\n]*LMVIZ_", text), f"{source} reads the environment by itself"


def test_the_table_for_the_readme_has_one_row_for_each_setting():
    rows = settings.table().splitlines()[2:]
    assert [re.match(r"\| `(\w+)` \|", row).group(1) for row in rows] == [s.name for s in settings.SETTINGS]
    assert all(row.count("|") == 4 for row in rows)
