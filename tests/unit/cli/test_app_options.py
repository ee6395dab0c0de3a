"""What deploy-app's options say, and that all that is wrong in them is told at once, before a cluster is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from clusterbook.cli import apps
from clusterbook.cli.app_options import application, secrets, variables
from clusterbook.errors import InvalidInput, InvalidProject

FIELDS = {"name": "hello", "image": "nginx:1.29"}


def test_options_become_an_application() -> None:
    app, archive = application({**FIELDS, "port": 8080}, "", ["A=1"], [], "--say 'two words'", 300)
    assert (app.port, app.variables, app.arguments, archive) == (8080, {"A": "1"}, ("--say", "two words"), None)


def test_what_is_wrong_in_every_option_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidProject) as caught:
        application({"name": "hello", "image": "", "port": 0}, str(tmp_path / "none.tar"), ["A", "B=1", "B=2", "1=x"],
                    ["C=hunter2", f"D=@{tmp_path}/none"], "'open", 0)  # fmt: skip
    said = [problem.message for problem in caught.value.problems]
    wanted = [
        "--timeout is 0, expected", "--image-file", "--env is 'A', expected NAME=VALUE", "'B' is given twice",
        "--secret C=… holds the value itself", "--secret D: ", "--args is \"'open\", expected", "--port is 0",
    ]  # fmt: skip
    assert [part for part, text in zip(wanted, said, strict=True) if part not in text] == []
    assert all(problem.next_step for problem in caught.value.problems)
    assert "hunter2" not in str([(problem.message, problem.next_step) for problem in caught.value.problems])


def test_a_variable_is_either_plain_or_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "2")
    with pytest.raises(InvalidInput, match="'A' is given twice, expected once: --env and --secret both have it"):
        application(FIELDS, "", ["A=1"], ["A"], "", 300)


@pytest.mark.parametrize(("task", "options"), [
    (apps.deploy_app, {"image": "nginx:1.29"}), (apps.app_status, {}), (apps.scale_app, {}), (apps.rollback_app, {}),
    (apps.delete_app, {}),
])  # fmt: skip
def test_no_cluster_is_asked_where_a_name_cannot_be(
    task: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(apps, "open_chosen", lambda *_: pytest.fail("a cluster was looked for"))
    with pytest.raises(Exit) as end:
        task(Context(), name="Hello", namespace="Shop", **options)
    assert end.value.code == 3
    said = capsys.readouterr().err
    assert "'Hello' is no name of an application" in said and "next: Call it such as hello." in said
    assert "--namespace is 'Shop'" in said and "2 problems found. No host was touched." in said


@pytest.mark.parametrize(("task", "options", "said"), [
    (apps.scale_app, {"replicas": -1}, "--replicas is -1"), (apps.scale_app, {"timeout": 0}, "--timeout is 0"),
    (apps.rollback_app, {"revision": -1}, "--revision is -1"),
])  # fmt: skip
def test_numbers_that_cannot_be_are_refused_before_a_cluster_is_asked(
    task: Any, options: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exit) as end:
        task(Context(), name="hello", **options)
    assert end.value.code == 3
    assert said in capsys.readouterr().err


def test_secrets_come_from_a_file_or_the_shell_and_never_from_the_command_line(tmp_path: Any) -> None:
    file = tmp_path / "password"
    file.write_text("from a file\n")
    assert secrets([f"A=@{file}", "B"], {"B": "from the shell"}) == {"A": "from a file", "B": "from the shell"}
    with pytest.raises(InvalidInput, match="every user of this machine could read") as caught:
        secrets(["A=hunter2"], {})
    assert "hunter2" not in str(caught.value.message) + str(caught.value.next_step)
    with pytest.raises(InvalidInput, match="this shell has no variable B"):
        secrets(["B"], {})
    with pytest.raises(InvalidInput, match="cannot be read"):
        secrets([f"A=@{tmp_path}/none"], {})


def test_a_variable_may_hold_equals_signs() -> None:
    assert variables(["A=b=c", "EMPTY="]) == {"A": "b=c", "EMPTY": ""}
    with pytest.raises(InvalidInput, match="--env is 'A'"):
        variables(["A"])
