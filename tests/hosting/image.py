"""Reads a Dockerfile as far as ours goes, and does its COPY steps in a folder: what stands in for a container engine in tests."""

import fnmatch
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One instruction: its word, its flags (--chown=reader → chown: reader), the rest of its line."""

    word: str
    flags: dict[str, str]
    rest: str

    @property
    def arguments(self) -> list[str]:
        return json.loads(self.rest) if self.rest.startswith("[") else self.rest.split()


def steps(dockerfile: str) -> list[Step]:
    """The instructions in order; comments dropped, continued lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    found = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, rest = line.strip().split(maxsplit=1)
            flags = {}
            while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
                flags[match[1]], rest = match[2], rest[match.end() :]
            found.append(Step(word, flags, rest))
    return found


def variables(rest: str) -> dict[str, str]:
    """The variables of an ENV step."""
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', rest)}


def ignored(path: Path, rules: str) -> bool:
    """Whether .dockerignore keeps a file, by its path from the root, out of the image: the last rule that matches it, or a folder above it, decides."""
    verdict = False
    parents = ["/".join(path.parts[:n]) for n in range(1, len(path.parts) + 1)]
    for rule in (line.strip() for line in rules.splitlines()):
        if rule and not rule.startswith("#"):
            pattern = rule.removeprefix("!")
            patterns = [pattern, pattern.removeprefix("**/"), pattern.replace("**/", "*/")] if "**/" in pattern else [pattern]
            if any(
                fnmatch.fnmatchcase(parent, p) and (p == "*" or p.count("/") == parent.count("/") or "**" in pattern) for parent in parents for p in patterns
            ):
                verdict = not rule.startswith("!")
    return verdict


def copy(step: Step, root: Path, files: list[Path], rules: str, folder: Path) -> list[Path]:
    """Do a COPY step from `root` into `folder`, of those `files` (by their paths from the root) that are not ignored; what was copied."""
    *sources, target = step.arguments
    place, copied = folder / target, []
    for source in map(Path, sources):
        members = [f for f in files if (f == source or source in f.parents) and not ignored(f, rules)]
        if not members:
            raise FileNotFoundError(f"COPY {source}: nothing there")
        for file in members:
            to = place / (file.name if file == source else file.relative_to(source))
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / file, to)
            copied.append(to)
    return copied
