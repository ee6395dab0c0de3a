"""The documents speak of what there is."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from invoke.parser import Parser

from clusterbook.cli.boundary import EXIT_CODES
from clusterbook.cli.listing import task_name
from clusterbook.cli.main import passed_on
from clusterbook.cli.namespace import collection, tasks
from clusterbook.cluster.cis.controls import controls
from tests.lab import test_how_to
from tests.lab.page import blocks, typed
from tests.unit.docs import test_pages

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").glob("*/README.md")])
TASKS = {task_name(task): task for _, group in tasks().values() for task in group}
# Asked for once: Invoke hands out each help text a single time.
ARGUMENTS = {name: task.get_arguments() for name, task in TASKS.items()}
_CALL = re.compile(
    r"(?:^ *|[`$(;] ?)(?:\.venv/bin/)?(?:invoke|clusterbook) ((?!--)[a-z][a-z-]*)((?: [^`\n]*)?)", re.MULTILINE
)
_OPTION = re.compile(r"(?<!\S)--([a-z][a-z0-9-]*)")


def calls(text: str) -> list[tuple[str, str]]:
    """(task, rest of the line) of every command in code of a document."""
    code = "\n".join([*re.findall(r"```.*?```", text, re.DOTALL), *re.findall(r"`[^`\n]+`", text),
                      *re.findall(r"^    .*$", text, re.MULTILINE)])  # fmt: skip
    return _CALL.findall(code)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_only_tasks_and_options_that_exist(document: Path) -> None:
    for task, rest in calls(document.read_text()):
        assert task in TASKS, f"invoke {task}"
        known = {name for argument in ARGUMENTS[task] for name in argument.names}
        unquoted = re.sub(r"\"[^\"]*\"|'[^']*'", "", rest)
        own = re.split(r" -- |#|  (?:invoke|clusterbook) ", unquoted)[0]
        for option in _OPTION.findall(own):
            assert option in known, f"invoke {task} --{option}"


def test_a_commit_that_a_document_names_is_in_the_history() -> None:
    named = {word for path in DOCUMENTS for word in re.findall(r"\bcommit `?([0-9a-f]{7,40})\b", path.read_text())}
    shallow = git("rev-parse", "--is-shallow-repository").stdout.strip()
    if shallow != "false":  # an archive of the source has no history, a shallow copy only a part of it
        pytest.skip("the history is not here")
    assert {word for word in named if git("merge-base", "--is-ancestor", word, "HEAD").returncode} == set()


def git(*words: str) -> subprocess.CompletedProcess[str]:
    """Ask the repository."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def anchors(document: Path) -> set[str]:
    """What links may name in a document: its headings, as the site writes them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_to_a_file_of_the_project_leads_somewhere(document: Path) -> None:
    for target, place in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", document.read_text()):
        if "://" in target:
            continue
        file = document.parent / target if target else document
        assert file.exists(), target
        assert not place or place in anchors(file), f"{target}#{place}"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_each_task_has_help_for_every_option_and_an_example(name: str) -> None:
    task = TASKS[name]
    document = task.__doc__ or ""
    assert f"Example: invoke {name}" in document
    for argument in ARGUMENTS[name]:
        assert argument.help, f"--{argument.name} has no help"


def test_no_help_says_that_the_lab_is_the_default_inventory_where_another_may_be() -> None:
    told = {name: argument.help for name, known in ARGUMENTS.items() for argument in known
            if argument.name == "inventory" and not argument.default}  # fmt: skip
    assert [name for name, text in told.items() if "(default: lab)" in text] == []


def test_the_vagrantfile_says_the_commands_of_its_page() -> None:
    page = re.findall(r"^    (.*?)(?:  +#.*)?$", (ROOT / "docs" / "vagrant.md").read_text(), re.MULTILINE)
    told = re.findall(r"^#   (.*)$", (ROOT / "Vagrantfile").read_text(), re.MULTILINE)
    assert told == page[: len(told)] and len(told) > 2


def test_the_page_of_tasks_names_options_as_they_are_typed() -> None:
    typed = {context.name: set(context.flags) for context in collection().to_contexts()}
    sections = re.split(r"^### ", (ROOT / "docs" / "tasks.md").read_text(), flags=re.MULTILINE)[1:]
    for section in sections:
        name = section.split("\n", 1)[0]
        assert set(re.findall(r"^\| `(--[^`]+)`", section, re.MULTILINE)) <= typed[name], name


def test_each_example_of_a_task_uses_its_own_options() -> None:
    for name, task in TASKS.items():
        known = {option for argument in ARGUMENTS[name] for option in argument.names}
        for line in (task.__doc__ or "").splitlines():
            if line.strip().startswith("Example: "):
                words = line.split(" -- ")[0]
                assert f"invoke {name}" in words
                assert {option for option in _OPTION.findall(words) if option != "yes"} <= known | {"yes"}, line


LINES = [
    pytest.param(line, id=f"{document.name}:{number}")
    for document in DOCUMENTS
    for number, line in enumerate(document.read_text().splitlines(), 1)
    if re.match(r"    (?:invoke|clusterbook) [a-z]", line)
]


@pytest.mark.parametrize("line", LINES)
def test_a_command_block_is_understood_as_it_is_written(line: str) -> None:
    """Parsed by the program's own parser: positional words, values of options, and what goes to other programs."""
    words = shlex.split(re.split(r"  +[;>] | > | ; |  ", line.strip())[0], comments=True)
    argv = passed_on(words)
    known = collection(argv[1:])
    Parser(contexts=known.to_contexts()).parse_argv(argv[1:])


def test_the_sites_navigation_names_every_page_once() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    named = re.findall(r": (\S+\.md)$", text, re.MULTILINE)
    assert len(named) == len(set(named))
    outside = {"architecture.md"}  # ARCHITECTURE.md, see docs/links.py
    assert set(named) == {path.name for path in (ROOT / "docs").glob("*.md")} | outside


def test_the_index_leads_to_every_page() -> None:
    text = (ROOT / "docs" / "index.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert sorted(name for name in pages if f"({name}" not in text) == []


def test_the_exit_codes_are_all_explained() -> None:
    text = (ROOT / "docs" / "exit-codes.md").read_text()
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"\| {code} \|", text), f"exit code {code} ({meaning})"


SECURITY = [ROOT / "docs" / "security.md", ROOT / "docs" / "cluster-security.md"]


@pytest.mark.parametrize("page", SECURITY, ids=lambda path: path.name)
def test_each_promise_of_security_names_tests_that_exist(page: Path) -> None:
    written = {
        name
        for folder in ("tests", "roles")
        for file in (ROOT / folder).rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    text = page.read_text()
    promises = re.findall(r"^- \*\*.*?(?=\n- |\n\n|\n#|\Z)", text, re.DOTALL | re.MULTILINE)
    demands = re.findall(r"^\| .*", text.partition("## The demands")[2], re.MULTILINE)[1:]
    assert len(promises) > 20 and len(demands) > 15
    for promise in (*promises, *demands):
        named = set(re.findall(r"`(test_\w+)`", promise))
        assert named and named <= written, f"{promise.splitlines()[0]}: {named - written or 'no test'}"


def test_the_page_tells_every_waiver_of_the_benchmark() -> None:
    text = (ROOT / "docs" / "cluster-security.md").read_text()
    waived = {one.id: one.waiver for one in controls() if one.waiver}
    told = dict(re.findall(r"^\| (\d[\d.]+) [^|]*\| (.*) \|$", text, re.MULTILINE))
    assert told == waived


# A line of a block that somebody types.
_PROGRAM = re.compile(
    r"(?:\w+=\S+ )*(?:sudo )?(?:invoke|clusterbook|clusterbook-playbook|python3? -m|make|vagrant|export|exec) "
)


def test_each_page_with_commands_is_typed_in_by_one_test_or_says_why_not() -> None:
    pages = {page.name for page in (ROOT / "docs").glob("*.md")
             if any(_PROGRAM.match(step.line) for step in typed(page))}  # fmt: skip
    lists = [*test_pages.TYPED_HERE, *test_pages.TYPED_ELSEWHERE, *test_pages.NOT_TYPED]
    assert sorted(lists) == sorted(pages)
    assert [file for file in test_pages.TYPED_ELSEWHERE.values() if not (ROOT / file).exists()] == []


def test_each_command_of_the_how_to_pages_is_typed_in_once() -> None:
    pages = [page for page, test in test_pages.TYPED_ELSEWHERE.items() if test == "tests/lab/test_how_to.py"]
    written = [line for page in pages for lines in blocks(ROOT / "docs" / page).values() for line in lines]
    sections = list(test_how_to.sections())
    assert sorted(line for _, lines in sections for line in lines) == sorted(written)
    assert test_how_to.BEFORE.keys() <= {title for title, _ in sections}
    assert test_how_to.BETWEEN.keys() <= {title for title, _ in sections}


def messages() -> list[str]:
    """Every text of the program's source as a reader sees it: … where a value stands, '…' where it is quoted."""
    trees = [ast.parse(file.read_text()) for file in (ROOT / "clusterbook").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant)]
    return [_as_read(node) for node in nodes]


def _as_read(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_as_read, node.values))
    if isinstance(node, ast.FormattedValue):
        return "'…'" if node.conversion == ord("r") else "…"
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_each_error_that_troubleshooting_quotes_is_one_that_the_program_can_say() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    quoted = re.findall(r"\*\*`([^`]+)`", page)
    assert len(quoted) > 20
    known = messages()
    assert [quote for quote in quoted if not any(quote in message for message in known)] == []


# What a person does from an account to an application and back, and the way by EKS.
STEPS = (
    "iam", "create-cluster", "edit-cluster", "update-cluster", "provision", "validate-cluster", "kubeconfig", "kubectl",
    "cluster-info", "get-secrets", "ssh", "deploy-dashboard", "dashboard", "deploy-app", "app-status", "verify",
    "delete-cluster", "eks-join",
)  # fmt: skip


def test_the_walk_through_has_a_command_for_every_step() -> None:
    told = {task for task, _ in calls((ROOT / "docs" / "walk-through.md").read_text())}
    assert set(STEPS) - told == set()
