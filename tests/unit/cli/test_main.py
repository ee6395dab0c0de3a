"""The `clusterbook` program and the list of tasks, run for real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.cli import listing, main, task_help
from clusterbook.cli.main import asks_for_help, passed_on
from clusterbook.cli.namespace import collection, tasks
from clusterbook.cli.use import rest

ROOT = Path(__file__).parents[3]
PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()"


def clusterbook(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def invoke(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def test_the_list_has_groups_that_a_newcomer_can_choose_from() -> None:
    done = invoke("--list")
    assert done.returncode == 0
    headings = [line.split(":")[0] for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert headings[:7] == ["Begin", "Lab", "Cluster", "Operate", "Use", "Playbooks", "Build"]
    assert "\n  lab-up " in done.stdout


def test_both_programs_have_the_same_list() -> None:
    theirs = invoke("--list").stdout
    ours = clusterbook("--list").stdout
    assert ours.replace("clusterbook --help", "invoke --help") == theirs


def test_lines_of_the_list_fit_a_terminal_of_100_columns() -> None:
    assert max(len(line) for line in clusterbook("--list").stdout.splitlines()) <= 100


def test_an_unknown_task_is_invalid_input_with_the_nearest_name() -> None:
    done = clusterbook("lab-upp")
    assert done.returncode == 3
    assert done.stderr == "error: there is no task or option 'lab-upp'\n  next: Did you mean 'lab-up'?\n"


def test_an_inventory_without_its_option_is_told_how_it_is_named() -> None:
    done = clusterbook("provision", "lab")
    assert done.returncode == 3
    assert done.stderr == "error: provision takes no 'lab' by itself\n  next: Write --inventory lab.\n"


def test_a_slip_in_the_second_of_two_tasks_is_shown_with_the_nearest_name() -> None:
    done = clusterbook("lab-status", "verfy")
    assert done.stderr == "error: there is no task or option 'verfy'\n  next: Did you mean 'verify'?\n"


def test_a_command_line_loads_only_the_tasks_that_it_names() -> None:
    assert set(collection(["run", "site.yml"]).tasks) == {"run", "explain"}


def test_without_a_task_among_the_words_every_task_is_loaded() -> None:
    assert {"up", "verify", "run"} <= set(collection(["--list"]).tasks)


@pytest.mark.parametrize("task", ["ssh", "deploy-app", "create-cluster", "lab-up"])
def test_help_of_a_task_may_be_asked_for_behind_its_name(task: str) -> None:
    behind, before = clusterbook(task, "--help"), clusterbook("--help", task)
    assert behind.returncode == before.returncode == 0
    assert behind.stdout == before.stdout and before.stdout.startswith(f"Usage: clusterbook {task} ")


def narrow(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    return 60


def test_help_of_a_task_fits_a_narrow_terminal_and_keeps_examples_and_names_whole(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = narrow(monkeypatch)
    for name, one in collection().tasks.items():
        lines = task_help.page(name, one, "clusterbook").splitlines()
        assert [line for line in lines if len(line) > columns and not line.startswith("Example: ")] == []
    assert any(line.endswith("$CLUSTERBOOK_VAULT_PASSWORD_FILE)") for line in
               task_help.page("plan", collection().tasks["plan"], "clusterbook").splitlines())  # fmt: skip


def test_the_list_is_folded_beside_the_names_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = narrow(monkeypatch)
    lines = listing.page(tasks(), "clusterbook").splitlines()
    assert [line for line in lines if len(line) > columns and line.startswith(" ")] == []
    place = lines.index("  up                     Raise a whole cluster: here, or")
    assert lines[place + 1] == " " * 25 + "with a name on EC2"


def test_help_behind_two_dashes_is_the_other_program_s() -> None:
    assert asks_for_help(["clusterbook", "ssh", "cp-1", "--", "ls", "--help"])[1] == "ssh"


def test_an_unknown_option_is_invalid_input() -> None:
    done = clusterbook("lab-status", "--colour")
    assert done.returncode == 3
    assert done.stderr.endswith("no task or option '--colour'\n  next: See: clusterbook --help lab-status\n")


def test_a_slip_in_an_option_is_shown_by_both_programs_with_the_nearest_one_of_its_task() -> None:
    for program in (clusterbook, invoke):
        done = program("plan", "--limt", "w-1")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == "error: there is no task or option '--limt'\n  next: Did you mean '--limit'?\n"


def test_a_name_that_is_not_ours_is_left_to_invoke_for_a_project_may_have_tasks_of_its_own(tmp_path: Path) -> None:
    own = "from invoke import task\n@task\ndef plans(_, much=False):\n    print('much' if much else 'ours')\n"
    text = (ROOT / "clusterbook/cli/new_project/tasks.py").read_text()
    (tmp_path / "tasks.py").write_text(f"{text}\n{own}\nnamespace.add_task(plans)\n")
    for words, said in ((["plans"], "ours"), (["plans", "--much"], "much"), (["version", "plans", "--much"], "much")):
        argv = [sys.executable, "-m", "invoke", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
        assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", said)


@pytest.mark.parametrize("words", [["--help", "plan"], ["plan", "--help"], ["--list"], ["--version"]])
def test_options_of_invoke_itself_stay_its_own(words: list[str]) -> None:
    assert (invoke(*words).returncode, clusterbook(*words).returncode) == (0, 0)


def test_without_a_task_the_list_and_the_exit_codes_are_shown() -> None:
    done = clusterbook()
    assert "Lab: " in done.stdout
    assert "2 changes are pending" in done.stdout


def test_an_inventory_that_does_not_exist_is_invalid_input_with_the_names_that_do() -> None:
    done = clusterbook("lab-status", "--inventory", "vagrannt")
    assert done.returncode == 3
    assert "there is no inventory 'vagrannt'; did you mean 'vagrant'?" in done.stderr


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["kubectl", "get", "nodes"], ["kubectl", "--", "get", "nodes"]),
        (["kubectl", "-n", "x", "get", "pods"], ["kubectl", "--", "-n", "x", "get", "pods"]),
        (["kubectl", "--", "get", "nodes"], ["kubectl", "--", "get", "nodes"]),
        (["kubectl", "--cluster", "a", "--", "get"], ["kubectl", "--cluster", "a", "--", "get"]),
        (["kubectl", "--help"], ["kubectl", "--help"]),
        (["ssh", "cp-1"], ["ssh", "cp-1"]),
        (["ssh", "cp-1", "uptime", "-p"], ["ssh", "cp-1", "--", "uptime", "-p"]),
        (["ssh", "--inventory", "lab", "cp-1"], ["ssh", "--inventory", "lab", "cp-1"]),
        (["ssh", "cp-1", "--inventory", "lab"], ["ssh", "cp-1", "--inventory", "lab"]),
        (["ssh", "cp-1", "-i", "lab", "ls", "-i"], ["ssh", "cp-1", "-i", "lab", "--", "ls", "-i"]),
        (["ssh", "--inventory=lab", "cp-1", "--cluster", "a", "df", "-h"],
         ["ssh", "--inventory=lab", "cp-1", "--cluster", "a", "--", "df", "-h"]),
        (["ssh", "--inventory"], ["ssh", "--inventory"]),
        (["ssh", "--node", "cp-1", "uptime"], ["ssh", "--node", "cp-1", "--", "uptime"]),
        (["plan"], ["plan"]),
    ],
)
def test_words_for_kubectl_and_ssh_need_no_dashes_in_front(given: list[str], passed: list[str]) -> None:
    assert passed_on(["clusterbook", *given]) == ["clusterbook", *passed]


def test_the_words_behind_the_dashes_are_kept_as_they_are() -> None:
    assert rest(["invoke", "kubectl", "--", "get", "--", "x"]) == ["get", "--", "x"]
    assert rest(["invoke", "kubectl"]) == []


def test_kubectls_words_reach_the_task_that_passes_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["clusterbook", "kubectl", "get", "nodes"])
    monkeypatch.setattr(main.Clusterbook, "go", lambda self, argv: 0)
    with pytest.raises(SystemExit):
        main.main()
    assert rest(sys.argv) == ["get", "nodes"]


def test_a_word_after_a_task_that_may_do_without_is_taken(tmp_path: Path) -> None:
    for program in (clusterbook, invoke):
        done = program("modules", "stat")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "ansible.builtin.stat")
        assert "ansible.builtin.stat " in program("modules").stdout


def test_an_option_that_wants_a_number_and_has_a_word_is_invalid_input_in_both_programs() -> None:
    for program in (clusterbook, invoke):
        done = program("scale-app", "hello", "--replicas", "many")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("error: --replicas is 'many', expected a whole number\n")


def test_what_lacks_a_value_is_said_in_our_words_by_both_programs() -> None:
    for program in (clusterbook, invoke):
        assert program("explain", "kubelet_max_pods").stderr.startswith("error: explain needs HOST\n")
        done = program("plan", "--inventory")
        assert done.stderr == "error: --inventory needs a value\n  next: See: clusterbook --help plan\n"
        assert done.returncode == 3
