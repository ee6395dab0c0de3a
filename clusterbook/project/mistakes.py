"""Problems of what playbooks name: files and roles that are not there, names that must be literal."""

from __future__ import annotations

from pathlib import Path

from clusterbook.errors import InvalidInput, Position
from clusterbook.schema import nearest

MAXIMUM_IMPORTS = 20


def unknown_name(what: str, why: str, where: Position, next_step: str = "") -> InvalidInput:
    """A name with an expression that gives nothing before the run."""
    return InvalidInput(
        f"{what} cannot be evaluated before the run: {why}", where=where,
        next_step=next_step or "Write it literally; only --extra-vars and the import's own variables are known here.",
    )


def no_file(kind: str, name: str, tried: list[Path], where: Position) -> InvalidInput:
    """A file that is in none of the places, with the one that may be meant."""
    around = [path for place in {item.parent for item in tried} if place.is_dir() for path in place.iterdir()]
    stems = {path.stem: path.name for path in around if path.is_file()}
    meant = nearest(Path(name).stem, stems)
    return InvalidInput(
        f"there is no {kind} {name!r}" + (f"; did you mean {stems[meant]!r}?" if meant else ""),
        where=where,
        next_step=f"Looked for {', '.join(dict.fromkeys(str(path) for path in tried))}.",
    )


def circle(name: str, where: Position) -> InvalidInput:
    """Playbooks that import each other."""
    return InvalidInput(
        f"playbook {name!r} is imported more than {MAXIMUM_IMPORTS} levels deep",
        where=where,
        next_step="Break the circle of imports.",
    )


def ordered(problems: list[InvalidInput]) -> list[InvalidInput]:
    """Each problem once, file by file in the order in which they were read, by line within a file."""
    distinct = list({(problem.message, problem.where): problem for problem in problems}.values())
    places = [problem.where or Position("") for problem in distinct]
    files = list(dict.fromkeys(place.file for place in places))
    ranked = sorted(zip(places, distinct, strict=True), key=lambda pair: _rank(files, pair[0]))
    return [problem for _, problem in ranked]


def _rank(files: list[str], place: Position) -> tuple[int, int, int]:
    return files.index(place.file), place.line, place.column
