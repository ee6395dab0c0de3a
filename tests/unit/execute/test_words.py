"""What the local machine answers to a host's lookups, filters and tests, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterbook.compile.plan import PlayPlan, StepInfo
from clusterbook.compile.reach import local_texts
from clusterbook.errors import Position
from clusterbook.execute.answers import Answers
from clusterbook.execute.gates import Gates
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.language.local_words import NOT_SET
from clusterbook.language.program import HostPart, Loop, Program, Step
from clusterbook.language.values import Template
from clusterbook.model import Host
from clusterbook.source import vault

DEBUG = "ansible.builtin.debug"


def plan(*texts: str, variables: dict[str, Any] | None = None, loop: Loop | None = None, base: str = "",
         connection: str = "ssh") -> PlayPlan:  # fmt: skip
    """A play with one step that holds the texts, for one host."""
    step = Step(1, "x", DEBUG, {"msg": [Template(text) for text in texts]}, loop=loop)
    program = Program("p", "p", (step,), magic={"groups": {"all": ["a", "b"], "web": ["b"]}})
    info = StepInfo(1, "x", "", DEBUG, Position("play.yml", 1), bases=(base,) if base else ())
    host = Host("a", ("all",), {"ansible_connection": connection})
    part = HostPart("a", ("all",), variables or {})
    return PlayPlan("p", program, {1: info}, (("a",),), {"a": host}, {"a": part}, False, frozenset(), frozenset(),
                    local_texts=local_texts(texts))


def ask(play: PlayPlan, kind: str, word: str, *arguments: Any, services: Services | None = None, **options: Any) -> Any:
    answers = Answers(play, "a", Gates(("a",)), services or Services(), None, {})
    return answers({"ask": "local", "step": 1, "of": kind, "word": word, "arguments": list(arguments),
                    "options": options})


def test_a_lookup_that_the_play_spells_out_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CB_WORD", "x")
    assert ask(plan("{{ lookup('env', 'CB_WORD') }}"), "lookup", "env", "CB_WORD") == {"value": ["x"], "secret": False}


def test_a_lookup_with_inventory_variables_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CB_WORD", "x")
    play = plan("{{ query('ansible.builtin.env', 'CB_' ~ which) }}", variables={"which": "WORD"})
    assert ask(play, "lookup", "env", "CB_WORD")["value"] == ["x"]


@pytest.mark.parametrize("word", ["env", "pipe", "lines", "url", "password", "file", "csvfile"])
def test_a_lookup_with_what_a_host_says_is_refused(word: str) -> None:
    play = plan(f"{{{{ lookup('{word}', registered.stdout) }}}}")
    with pytest.raises(Refusal, match=rf"the lookup '{word}' with values of a host is refused"):
        ask(play, "lookup", word, "/etc/passwd")


def test_a_lookup_that_the_play_makes_with_another_name_is_refused() -> None:
    with pytest.raises(Refusal, match="refused"):
        ask(plan("{{ lookup('env', 'HOME') }}"), "lookup", "env", "AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Refusal, match="refused"):
        ask(plan("{{ lookup('env', 'HOME') }}"), "lookup", "pipe", "HOME")


def test_another_option_is_another_call() -> None:
    play = plan("{{ lookup('csvfile', 'a', file='users.csv') }}")
    with pytest.raises(Refusal, match="refused"):
        ask(play, "lookup", "csvfile", "a", file="/etc/passwd", delimiter=":")


def test_the_play_may_allow_values_of_hosts() -> None:
    play = plan("{{ lookup('pipe', said) }}", variables={"clusterbook_lookups_with_values_of_hosts": ["pipe"]})
    assert ask(play, "lookup", "pipe", "echo 1")["value"] == ["1"]
    with pytest.raises(Refusal):
        ask(play, "lookup", "env", "HOME")


def test_a_host_that_is_the_local_machine_may_look_up_anything() -> None:
    assert ask(plan("{{ lookup('pipe', said) }}", connection="local"), "lookup", "pipe", "echo 1")["value"] == ["1"]


def test_each_item_of_a_loop_makes_its_own_call(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("B\n")
    play = plan("{{ lookup('file', item) }}", loop=Loop(["a.txt", str(tmp_path / "b.txt")]))
    assert ask(play, "lookup", "file", str(tmp_path / "b.txt"))["value"] == ["B"]


def test_a_with_loop_makes_its_call() -> None:
    play = plan("{{ item }}", loop=Loop(["echo 1", "echo 2"], kind="pipe"))
    assert ask(play, "lookup", "pipe", "echo 1", "echo 2")["value"] == ["1", "2"]
    with pytest.raises(Refusal):
        ask(play, "lookup", "pipe", "id")


def test_calls_inside_of_calls_are_made_once(tmp_path: Path) -> None:
    counted = tmp_path / "count"
    play = plan(f"{{{{ lookup('file', lookup('pipe', 'echo x >> {counted}; echo {tmp_path}/a')) }}}}")
    (tmp_path / "a").write_text("A")
    answers = Answers(play, "a", Gates(("a",)), Services(), None, {})
    for word, argument in (("pipe", f"echo x >> {counted}; echo {tmp_path}/a"), ("file", f"{tmp_path}/a")):
        question = {"ask": "local", "step": 1, "of": "lookup", "word": word, "arguments": [argument], "options": {}}
        answered = answers(question)
    assert answered["value"] == ["A"]
    assert counted.read_text() == "x\n"


def test_a_file_of_the_plays_own_directories_may_be_named_by_a_host(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "debian.txt").write_text("apt")
    play = plan("{{ lookup('file', ansible_distribution ~ '.txt') }}", base=str(tmp_path))
    assert ask(play, "lookup", "file", "debian.txt")["value"] == ["apt"]
    for outside in ("../x", "/etc/passwd", str(tmp_path / "files" / ".." / ".." / "x")):
        with pytest.raises(Refusal):
            ask(play, "lookup", "file", outside)


def test_an_encrypted_file_is_a_secret_and_never_given_for_a_name_of_a_host(tmp_path: Path) -> None:
    (tmp_path / "sealed.txt").write_text(vault.seal(b"hunter22", b"pw"))
    services = Services(decrypt=lambda data, name: vault.open_sealed(data, b"pw"))
    spelt = plan("{{ lookup('file', 'sealed.txt') }}", base=str(tmp_path))
    assert ask(spelt, "lookup", "file", "sealed.txt", services=services) == {"value": ["hunter22"], "secret": True}
    dynamic = plan("{{ lookup('file', said) }}", base=str(tmp_path))
    with pytest.raises(Refusal, match="never does"):
        ask(dynamic, "lookup", "file", "sealed.txt", services=services)


def test_filters_that_only_compute_are_always_answered() -> None:
    play = plan("{{ registered | to_nice_yaml }}")
    assert ask(play, "filter", "to_nice_yaml", {"a": [1]})["value"] == "a:\n- 1\n"
    assert ask(play, "filter", "from_yaml", "{{ 7 * 7 }}: [")["failed"].startswith("this is not YAML")
    assert ask(play, "filter", "from_yaml", "'{{ x }}'")["value"] == "{{ x }}"


def test_filters_and_tests_that_read_are_held_to_what_the_play_says() -> None:
    play = plan("{{ '/etc' is directory }}{{ ['/etc/*'] | map('fileglob') }}{{ '$HOME' | expandvars }}")
    assert ask(play, "test", "directory", "/etc")["value"] is True
    assert "/etc/passwd" in ask(play, "filter", "fileglob", "/etc/*")["value"]
    for kind, word, argument in (("test", "exists", "/root/.ssh"), ("filter", "expandvars", "$SECRET"),
                                 ("filter", "fileglob", "/root/*")):  # fmt: skip
        with pytest.raises(Refusal):
            ask(play, kind, word, argument)


def test_patterns_of_hosts_are_always_answered() -> None:
    assert ask(plan("{{ x }}"), "lookup", "inventory_hostnames", "all:!web")["value"] == ["a"]


def test_a_failure_is_told_to_the_host_which_may_ignore_it() -> None:
    play = plan("{{ lookup('file', '/nope', errors='ignore') }}")
    assert ask(play, "lookup", "file", "/nope")["failed"].startswith("No such file or directory: '/nope'")


def test_a_wrong_use_is_a_failure_not_a_crash() -> None:
    assert "cannot be used so" in ask(plan("x"), "filter", "to_yaml", nonsense=1)["failed"]


def test_a_check_writes_no_password(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    play = plan(f"{{{{ lookup('password', '{path}') }}}}")
    check = replace(play, program=replace(play.program, check=True))
    assert len(ask(check, "lookup", "password", str(path))["value"][0]) == 20
    assert not path.exists()
    first = ask(play, "lookup", "password", str(path))
    assert first["secret"] is True
    assert ask(play, "lookup", "password", str(path)) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_variable_of_the_environment_may_have_a_default_that_is_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CB_WORD", "x")
    play = plan("{{ lookup('env', 'CB_WORD', default=undef()) }}", "{{ lookup('env', 'CB_NOT', default=nobody) }}")
    assert ask(play, "lookup", "env", "CB_WORD", default=NOT_SET)["value"] == ["x"]
    assert ask(play, "lookup", "env", "CB_NOT", default=NOT_SET)["value"] == [NOT_SET]
