"""Search over the chapters and the glossary: an index of what the pages say, read from their sources. No Streamlit, no torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmviz.data import glossary

MOST_WORDS = 8  # of what was typed
SHARED = {"charts", "fallback", "fetching", "frame", "library", "links", "logits", "menu", "path", "present", "reader", "runtime", "scores", "search", "share", "show", "strip", "token_strip"}  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A page as search knows it: where it is, what it is called, what it asks, and its sentences in plain text, in the order of the sources."""

    file: str
    title: str
    question: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A page that holds all the words, and the sentence that holds most of them (empty where only the title or the question does)."""

    file: str
    title: str
    question: str
    sentence: str


def index(root: Path) -> tuple[Page, ...]:
    """Every page of the book at `root`: its title and question from `app.py`, its sentences from its own source and the modules that only it uses."""
    pages = []
    for file, title, question in contents((root / "app.py").read_text(encoding="utf-8")):
        tree = ast.parse((root / file).read_text(encoding="utf-8"))
        trees = [tree, *(ast.parse((root / "lmviz/ui" / f"{name}.py").read_text(encoding="utf-8")) for name in own_modules(tree))]
        pages.append(Page(file, title, question, tuple(dict.fromkeys(sentence for each in trees for sentence in sentences(each)))))
    return tuple(pages)


def contents(app_source: str) -> list[tuple[str, str, str]]:
    """(file, title, question) of every `Chapter(…)` in the book's spine; a title carries its number.

    >>> contents('BOOK = {"A": [Chapter("pages/a/b.py", "Bees", "Why bees?", number=3), Chapter("c.py", "C", "C?", number=None)]}')
    [('pages/a/b.py', '3 · Bees', 'Why bees?'), ('c.py', 'C', 'C?')]
    """
    calls = [node for node in ast.walk(ast.parse(app_source)) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Chapter"]
    rows = []
    for call in calls:
        file, title, question = (argument.value for argument in call.args[:3])
        number = next(keyword.value.value for keyword in call.keywords if keyword.arg == "number")
        rows.append((file, f"{number} · {title}" if number else title, question))
    return rows


def own_modules(tree: ast.Module) -> list[str]:
    """The modules of `lmviz.ui` that a page imports for itself, without those that every page shares."""
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "lmviz.ui" for alias in node.names]
    return [name for name in imported if name not in SHARED]


def sentences(tree: ast.Module) -> Iterator[str]:
    """The sentences among the string constants of a source, as plain text; a number computed on the page stands as “…”.

    >>> list(sentences(ast.parse('st.markdown(f"It costs **{n}** bits, more than [nats](glossary?term=nat). A key: x")')))
    ['It costs … bits, more than nats.']
    """
    for text in _texts(tree):
        for line in text.splitlines():
            for sentence in re.split(r"(?<=[.?!])\s+(?=[“*\[]*[A-ZŷΣ])", plain(line)):
                if len(sentence.split()) >= 5 and not re.search(r"[{}<>=\\_]{2}|import |\w\(\w*\)|^[a-z_.]+:|^[,;|.]|\\", sentence):
                    yield sentence


def plain(markdown: str) -> str:
    """Markdown of ours without its marks; formulas keep their letters.

    >>> plain("- **Perplexity** is $e^L$; see [the ladder](perplexity) and :orange[*this*]")
    'Perplexity is e^L; see the ladder and this'
    """
    text = re.sub(r":[a-z]+\[((?:[^\[\]]|\[[^\]]*\])*)\]", r"\1", markdown)
    text = re.sub(r"\[([^\]]*)\]\(<?[^)]*\)", r"\1", text)
    text = re.sub(r"^\s*[-#>]+\s+", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\*+|`|\$", "", text)).strip()


def find(pages: Sequence[Page], typed: str) -> list[Found]:
    """The pages that hold every word of `typed`, or a word that begins like it; those that say it in their title first, then the one that introduces the word, then those whose sentence says most of it."""
    wanted = words(typed)[:MOST_WORDS]
    if not wanted:
        return []
    homes = {term.chapter for name, term in glossary.spellings().items() if words(name) == wanted}
    ranked = []
    for place, page in enumerate(pages):
        title, question = words(page.title), words(page.question)
        said = [words(sentence) for sentence in page.sentences]
        everything = set(title + question).union(*said)
        if not all(_holds(everything, word) for word in wanted):
            continue
        hits = [sum(_holds(sentence, word) for word in wanted) for sentence in said]
        best = max(range(len(hits)), key=lambda i: (hits[i], _is_whole(page.sentences[i]), -i)) if any(hits) else None
        weight = 100 * sum(_holds(title, word) for word in wanted) + 30 * sum(_holds(question, word) for word in wanted)
        weight += 40 * (best is not None and hits[best] == len(wanted)) + min(sum(hits), 30)
        weight += 60 * (Path(page.file).stem in homes)
        ranked.append((-weight, place, Found(page.file, page.title, page.question, page.sentences[best] if best is not None else "")))
    return [found for *_, found in sorted(ranked, key=lambda row: row[:2])]


def terms(typed: str) -> list[glossary.Term]:
    """The entries of the glossary that hold every word of `typed`."""
    return glossary.find(" ".join(typed.split()[:MOST_WORDS]))


def words(text: str) -> list[str]:
    """The words of a text, lower case, a plural as its singular.

    >>> words("Perplexities, of classes: cross-entropy!")
    ['perplexity', 'of', 'classe', 'cross', 'entropy']
    """
    return [_singular(word) for word in re.findall(r"\w+", text.lower())]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _holds(said, word: str) -> bool:
    return word in said or (len(word) > 2 and any(other.startswith(word) for other in said))


def _is_whole(sentence: str) -> bool:
    """Whether it reads as a sentence, and not as a label or the middle of one."""
    return sentence[-1] in ".?!" and not sentence[0].islower() and sentence.count("…") < 3


def _texts(node: ast.AST) -> Iterator[str]:
    """String constants in the order of the source: no docstrings, no code shown to readers, no formulas, no keys of widgets."""
    body = getattr(node, "body", None)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(body, list) and child is body[0]:
            continue
        if isinstance(child, ast.FunctionDef) and re.search(r"code|snippet", child.name):
            continue
        if isinstance(child, ast.Call) and getattr(child.func, "attr", "") in ("latex", "sources", "code"):
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
        elif isinstance(child, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in child.values)
        else:
            yield from _texts(child)
