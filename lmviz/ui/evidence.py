"""What chapters 9 and 10 need of the real logits of a text: stored for the opening view, else computed once and remembered."""

from lmviz import pulls
from lmviz.data import examples
from lmviz.data.first_views import pulls as stored
from lmviz.models.scored import ScoredText
from lmviz.ui import logits, scores
from lmviz.ui.memory import Memory

_kept = Memory(500)


def of(scored: ScoredText) -> pulls.Evidence:
    """`pulls.Evidence` of a scored text, for its first `logits.n_kept` tokens. Needs no model for the opening views."""
    view = first_view(scored)
    if view is not None:
        return view.opening if scored.text == examples.OPENING else view.mistake_evidence
    ids = [token.id for token in scored.tokens[: logits.n_kept(scored)]]
    return _kept.once(_key(scored), lambda: pulls.from_logits(logits.reader_logits(scored), ids))


def first_view(scored: ScoredText) -> stored.PullsView | None:
    """The stored view, if it holds this text under these very weights."""
    view = stored.load(scored.model)
    known = view is not None and view.revision == scored.revision and scored.context and scored.text in (examples.OPENING, stored.MISTAKE)
    return view if known else None


def mistake(model: str) -> ScoredText:
    """The example of a confident mistake, under a model."""
    view = stored.load(model)
    first = scores.first_view(model)
    if view is not None and first is not None and first.revision == view.revision:
        return view.mistake
    return scores.scored(stored.MISTAKE, model)


def steps(scored: ScoredText, position: int) -> stored.Steps:
    """`Steps` of one token, [1, E]: stored for the opening text, else computed from the real logits and remembered."""
    view = first_view(scored)
    if view is not None and scored.text == examples.OPENING:
        found = view.opening_steps
        return stored.Steps(found.cross_entropy[[position]], found.squared_error[[position]], found.difference[[position]])
    return _kept.once(_key(scored, position), lambda: _steps(scored, position))


def _steps(scored: ScoredText, position: int) -> stored.Steps:
    import torch

    return stored.steps_of(logits.reader_logits(scored, positions=[position]), torch.tensor([scored.tokens[position].id]))


def _key(scored: ScoredText, *more) -> tuple:
    return (scored.model, scored.revision, tuple(token.id for token in scored.tokens[: logits.n_kept(scored)]), *more)
