"""vars_prompt: asked before the run; nothing is guessed without a terminal, private answers are secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli.prompts import Asker, answered, refuse
from clusterbook.errors import InvalidInput
from clusterbook.model import Project
from clusterbook.project import load
from clusterbook.source import Vault
from clusterbook.variables import explain, project_layers
from tests.unit.cli.screens import Screen, played


def typing(*answers: str, shown: list[str] | None = None) -> Asker:
    """A person at a terminal who types these; what they were shown goes to the list, hidden questions with a star."""
    left = list(answers)

    def ask(mark: str) -> Callable[[str], str]:
        def answer(text: str) -> str:
            if shown is not None:
                shown.append(mark + text)
            return left.pop(0)

        return answer

    return Asker(refuse, ask(""), ask("*"), lambda: True)


def project(folder: Path, prompts: str, more: str = "") -> Project:
    (folder / "play.yml").write_text(f"- hosts: all\n  vars_prompt: {prompts}\n{more}  tasks: []\n")
    return load(folder / "play.yml")


def test_a_private_answer_is_hidden_and_secret(tmp_path: Path) -> None:
    shown: list[str] = []
    vault = Vault()
    read = project(tmp_path, "[{name: a}, {name: b, prompt: 'For {{ who }}', private: no}]", "  vars: {who: you}\n")
    play = answered(read, {}, vault, typing("{{ hidden }}", "open", shown=shown)).plays[0]
    assert play.variables == {"who": "you", "a": "{{ hidden }}", "b": "open"}
    assert shown == ["*a: ", "For you: "]
    assert vault.opened("{{ hidden }}") and not vault.opened("open")


def test_nothing_typed_is_the_default(tmp_path: Path) -> None:
    shown: list[str] = []
    read = project(tmp_path, "[{name: a, default: 'd {{ 1 + 1 }}', private: no}]")
    assert answered(read, {}, Vault(), typing("", shown=shown)).plays[0].variables == {"a": "d 2"}
    assert shown == ["a [d 2]: "]


def test_an_answer_to_confirm_is_asked_for_until_both_are_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    read = project(tmp_path, "[{name: a, confirm: yes}]")
    assert answered(read, {}, Vault(), typing("x", "y", "z", "z", shown=shown)).plays[0].variables == {"a": "z"}
    assert shown == ["*a: ", "*confirm a: "] * 2
    assert capsys.readouterr().err == "The two answers differ; once more.\n"


def test_an_extra_variable_answers(tmp_path: Path) -> None:
    read = project(tmp_path, "[{name: a}]")
    assert answered(read, {"a": 1}, Vault(), typing()).plays[0].variables == {}


def test_an_answer_can_be_kept_as_a_hash(tmp_path: Path) -> None:
    read = project(tmp_path, "[{name: a, encrypt: md5_crypt, salt: abcdefgh}]")
    # openssl passwd -1 -salt abcdefgh word
    assert answered(read, {}, Vault(), typing("word")).plays[0].variables["a"] == MD5
    with pytest.raises(InvalidInput, match="there is no kind of hash 'rot13'"):
        answered(project(tmp_path, "[{name: a, encrypt: rot13}]"), {}, Vault(), typing("word"))


MD5 = "$1$abcdefgh$mzswo1dQAnhU66ARk1Ljd/"


def test_without_a_terminal_the_default_counts_and_nothing_is_guessed(tmp_path: Path) -> None:
    away = Asker(refuse, terminal=lambda: False)
    assert answered(project(tmp_path, "[{name: a, default: 7}]"), {}, Vault(), away).plays[0].variables == {"a": "7"}
    with pytest.raises(InvalidInput, match="the play asks for 'a', and the input is no terminal") as caught:
        answered(project(tmp_path, "[{name: a}]"), {}, Vault(), away)
    assert caught.value.where and caught.value.where.line == 2


def test_an_answer_stands_above_variables_of_the_play_and_below_its_files(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("b: file\n")
    read = project(tmp_path, "[{name: a}, {name: b}]", "  vars: {a: play, b: play}\n  vars_files: [more.yml]\n")
    found = {name: explain(name, project_layers(read))[0].layer.kind for name in ("a", "b")}
    assert found == {"a": "play vars_prompt", "b": "play vars_files"}
    assert answered(read, {}, Vault(), typing("x", "y")).plays[0].variables == {"a": "x", "b": "y"}


def test_a_key_that_prompts_do_not_have_is_refused(tmp_path: Path) -> None:
    play = "- hosts: all\n  vars_prompt: [{name: a, privat: no}]\n"
    code, _, errors = played(Screen("", {"play.yml": play, "hosts.yml": "all: {hosts: {a: }}\n"}), tmp_path)
    assert code == 3 and "did you mean 'private'?" in errors
