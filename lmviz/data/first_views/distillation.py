"""Chapter 14, the first view: the opening text's logits under a teacher and a student, so that T and α answer at once. No torch but in `view`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lmviz import models
from lmviz.data import examples
from lmviz.errors import ReaderError
from lmviz.models import series

TEACHERS = ("tiny", "nano")  # best first
OPENING_STEP = 64  # of nano's own run: a student that has begun to learn
FILE = examples.FIRST_VIEWS / "distillation.npz"


@dataclass(frozen=True, eq=False)
class LogitsView:
    """Logits [T, V] float32 of the opening text under both; names and revisions say under which weights."""

    teacher: str
    teacher_revision: str
    student: str
    student_revision: str
    teacher_logits: np.ndarray
    student_logits: np.ndarray


def teacher() -> str:
    """The best embedded transformer. Raises ReaderError without one."""
    for name in TEACHERS:
        if name in models.names():
            return name
    raise ReaderError("Neither tiny nor nano is on this machine; this chapter needs one of them as a teacher.", remedy="git checkout -- lmviz/data")


def students(teacher_name: str) -> list[str]:
    """Who can learn from that teacher: nano as its run went on, nano itself under a larger teacher, a distilled student if there is one. Beginners first."""
    run = [f"nano@{step}" for step in series.steps() if step != series.last_step()]
    grown = ["nano"] if teacher_name != "nano" else []
    return run + grown + ([series.STUDENT] if series.row(series.STUDENT) else [])


def opening_student(teacher_name: str) -> str:
    """The member of the run nearest to OPENING_STEP steps, on a log scale."""
    run = [name for name in students(teacher_name) if "@" in name]
    return min(run, key=lambda name: abs(math.log((1 + int(name[5:])) / (1 + OPENING_STEP))))


@lru_cache(1)
def load() -> LogitsView | None:
    """The stored view, or None."""
    if not FILE.exists():
        return None
    with np.load(FILE) as stored:
        return LogitsView(*map(str, stored["names"]), stored["teacher"], stored["student"])


def view(teacher, student) -> LogitsView:
    """The view of two loaded models of one tokenizer."""
    import torch

    ids = teacher.encode(examples.OPENING).ids
    rows = []
    for model in (teacher, student):
        (states,), _ = model.states([[model.start_id, *ids[:-1]]])
        rows.append(model.logits(states, out=torch.empty(len(ids), model.vocab_size)).numpy())
    return LogitsView(teacher.name, teacher.revision, student.name, student.revision, *rows)


def store(found: LogitsView) -> None:
    names = [found.teacher, found.teacher_revision, found.student, found.student_revision]
    np.savez_compressed(FILE, names=np.array(names), teacher=found.teacher_logits, student=found.student_logits)
    load.cache_clear()
