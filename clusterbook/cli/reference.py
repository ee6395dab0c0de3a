"""What is written by a command and kept in the repository: reference pages, schemas for editors.

`make reference` writes all of it; a contract test says when something is older than its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invoke.tasks import Task

from clusterbook.cli import reference_language, reference_settings
from clusterbook.cli.listing import task_name
from clusterbook.cli.namespace import tasks
from clusterbook.schema import documentation, editor

HEAD = """# Tasks

Every task of `invoke` and of the `clusterbook` command, which take the same options. This page is made from the tasks
themselves; `invoke --help TASK` shows the same in a terminal.
"""


def written(root: Path) -> Mapping[str, str]:
    """Path in the repository -> text. root: the repository, which has the modules' examples."""
    examples = (root / "docs" / "examples" / "modules.yml").read_text("utf-8")
    schemas = {f"schemas/editor/{name}": text for name, text in editor.files().items()}
    pages = {
        "docs/modules.md": documentation.page(examples),
        "docs/tasks.md": tasks_page(),
        "docs/language.md": reference_language.language_page(),
        "docs/expressions.md": reference_language.expressions_page(),
        "docs/settings.md": reference_settings.page(root),
    }
    return {**pages, **schemas}


def tasks_page() -> str:
    """The reference of all tasks as Markdown."""
    lines = [HEAD]
    for heading, (purpose, group) in tasks().items():
        lines += [f"## {heading}: {purpose}\n"]
        for task in group:
            lines += [f"### {task_name(task)}\n", *_task(task)]
    return "\n".join(lines).rstrip() + "\n"


def _task(task: Task[Any]) -> Iterator[str]:
    described = [line.strip() for line in (task.__doc__ or "").strip().splitlines()]
    examples = [line.removeprefix("Example: ") for line in described if line.startswith("Example: ")]
    text = "\n".join(line for line in described if not line.startswith("Example: ")).strip()
    yield text + "\n"
    if examples:
        yield "\n".join(["```", *examples, "```", ""])
    arguments = task.get_arguments()
    if arguments:
        yield "| option | default | |\n|---|---|---|"
        for argument in sorted(arguments, key=lambda one: (not one.positional, one.name)):
            written = argument.name or ""
            plain = written.rstrip("_").replace("_", "-")
            name = plain if argument.positional else f"--{plain}"
            default = "" if argument.default in (None, "", False, [], 0) else f"`{argument.default}`"
            yield f"| `{name}` | {default} | {argument.help or ''} |".replace("\n", " ")
        yield ""


def main(root: Path) -> None:
    """Write every file that differs."""
    for name, text in written(root).items():
        path = root / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {name}")


if __name__ == "__main__":
    main(Path(__file__).parents[2])
