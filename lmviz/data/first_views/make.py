"""Write the opening example's `ScoredText` for every model of this machine: `python -m lmviz.data.first_views.make`."""

import json

from lmviz import models
from lmviz.data import examples
from lmviz.data.examples import FIRST_VIEWS
from lmviz.models import scoring, series


def main() -> None:
    for name in [*models.names(), *(f"nano-{loss}" for loss in series.losses())]:  # the latter for chapter 17
        scored = scoring.score(models.load(name), examples.OPENING)
        (FIRST_VIEWS / f"{name}.json").write_text(json.dumps(scored.as_dict(), ensure_ascii=False, indent=0), encoding="utf-8")
        print(name, scored.perplexity)
    perplexity()
    heatmap()
    likelihood()
    stability()
    pulls()
    calibration()
    distillation()
    exposure()


def perplexity(names: list[str] | None = None) -> None:
    """Chapter 3, for each model: loss by position and by memory on the passages, what windows cost, the opening text counted wrongly.

    SmolLM2 reads sixty thousand tokens for this. Without `names`, models whose weights have not changed keep what they have.
    """
    from lmviz.data.first_views import perplexity as chapter

    for name in names or [n for n in models.names() if chapter.is_stale(models.load(n))]:
        view = chapter.view(models.load(name))
        (FIRST_VIEWS / f"perplexity-{name}.json").write_text(json.dumps(view, ensure_ascii=False), encoding="utf-8")
        print(name, "chapter 3")


def heatmap(names: list[str] | None = None) -> None:
    """Chapter 2, for each model: the text that the opening example is set beside."""
    from lmviz import compare

    for name in names or models.names():
        scored = scoring.score(models.load(name), compare.OTHER_ORDER)
        (FIRST_VIEWS / f"heatmap-{name}.json").write_text(json.dumps(scored.as_dict(), ensure_ascii=False), encoding="utf-8")
        print(name, "chapter 2")


def likelihood(names: list[str] | None = None) -> None:
    """Chapter 7, for each model: the opening text's loss at several temperatures, and the same number computed in four ways."""
    from lmviz.data.first_views import likelihood as chapter

    for name in names or models.names():
        view = chapter.view(models.load(name))
        (FIRST_VIEWS / f"likelihood-{name}.json").write_text(json.dumps(view), encoding="utf-8")
        print(name, "chapter 7")


def pulls(names: list[str] | None = None) -> None:
    """Chapters 9 and 10, for each model: what five losses need of its logits on two texts, and what a step against the gradient does."""
    from lmviz.data.first_views import pulls as chapter

    for name in names or models.names():
        view = chapter.view(models.load(name))
        (FIRST_VIEWS / f"pulls-{name}.json").write_text(json.dumps(view, ensure_ascii=False), encoding="utf-8")
        print(name, "chapters 9 and 10")


def stability(names: list[str] | None = None) -> None:
    """Chapter 8, for each model: six forms of the loss of the opening text's costliest token, at every scale and in every dtype."""
    from lmviz.data.first_views import stability as chapter

    for name in names or models.names():
        view = chapter.view(models.load(name))
        (FIRST_VIEWS / f"stability-{name}.json").write_text(json.dumps(view), encoding="utf-8")
        print(name, "chapter 8")


def calibration(names: list[str] | None = None) -> None:
    """Chapter 11, for each model: its confidences on held-out passages at some temperatures, and the best one; where label smoothing comes to rest.

    So too for the two networks that were trained with and without smoothing. Without `names`, unchanged models keep what they have.
    """
    from lmviz import smoothing
    from lmviz.data.first_views import calibration as chapter

    paths = {spread: smoothing.gap_path(0.1, 10, spread) for spread in ("all", "others")}
    (FIRST_VIEWS / "smoothing.json").write_text(json.dumps(paths), encoding="utf-8")
    pair = [f"nano-{loss}" for loss in series.losses() if loss in ("cross_entropy", "label_smoothing")]
    for name in names or [*models.names(), *pair]:
        if names is None and (kept := chapter.load(name)) is not None and kept.revision == models.load(name).revision:
            continue
        view = chapter.view(models.load(name))
        chapter.store(name, view)
        print(name, "chapter 11", view.temperature)


def distillation() -> None:
    """Chapter 14: the opening text's logits under the teacher and the student that the page opens with."""
    from lmviz.data.first_views import distillation as chapter

    teacher = chapter.teacher()
    chapter.store(chapter.view(models.load(teacher), models.load(chapter.opening_student(teacher))))
    print(teacher, "chapter 14", chapter.opening_student(teacher))


def exposure(names: list[str] | None = None) -> None:
    """Chapter 13, for each model: the opening text read with its own tokens and with the model's."""
    from lmviz.data.first_views import exposure as chapter

    for name in names or models.names():
        view = chapter.view(models.load(name))
        (FIRST_VIEWS / f"exposure-{name}.json").write_text(json.dumps(view, ensure_ascii=False), encoding="utf-8")
        print(name, "chapter 13")


if __name__ == "__main__":
    main()
