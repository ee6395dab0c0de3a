"""Python packages, by the pip of these tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clusterbook.modules import pip, registry
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from tests.unit.modules.conftest import Do

PIP = str(Path(sys.executable).parent / "pip")


def words(host: System, **given: object) -> list[str] | None:
    arguments = coerce(registry.specification("ansible.builtin.pip"), {"executable": PIP, **given})
    return pip.todo(arguments, [PIP], host)


def test_what_is_installed_in_a_fitting_version_needs_nothing(host: System) -> None:
    assert words(host, name=["pip>1", "PyYAML", "pytest>=1,<999"]) is None
    assert words(host, name="pip", version=">1") is None
    assert words(host, name="no-such-package-here", state="absent") is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"name": ["pip>1", "pip>999"]}, "install pip>999"),
        ({"name": "pip", "version": "1.0"}, "install pip==1.0"),
        ({"name": "pip", "state": "latest", "extra_args": "--pre -q"}, "install -U --pre -q pip"),
        ({"name": "pip", "state": "forcereinstall"}, "install -U --force-reinstall pip"),
        ({"name": "git+https://a.example/x", "editable": True}, "install -e git+https://a.example/x"),
        ({"name": ["no-such-package-here", "pyyaml"], "state": "absent"}, "uninstall -y pyyaml"),
        ({"requirements": "/r.txt", "break_system_packages": True}, "install --break-system-packages -r /r.txt"),
    ],
)
def test_the_words_for_pip(host: System, given: dict[str, object], wanted: str) -> None:
    assert words(host, **given) == wanted.split()


def test_a_check_is_certain_of_names_and_not_of_what_the_index_has(plan: Do) -> None:
    assert not plan("pip", executable=PIP, name="pip").changed
    missing = plan("pip", executable=PIP, name="no-such-package-here")
    assert missing.changed and not missing.unknown
    assert plan("pip", executable=PIP, name="pip", state="latest").unknown
    assert plan("pip", virtualenv="/nonexistent/venv", name="pip").changed


def test_an_environment_is_made_and_its_failure_says_what_to_do(host: System, do: Do, place: Path) -> None:
    venv = place / "venv"
    ran: list[str] = []

    def execute(argv: list[str], **options: object) -> Completed:
        ran.append(" ".join(argv))
        return Completed(tuple(argv), 1, "", "error: externally-managed-environment", 0.0, 0.0)

    host.execute = execute  # type: ignore[method-assign, assignment]
    outcome = do("pip", name="x", virtualenv=str(venv), virtualenv_command="python3 -m venv",
                 virtualenv_site_packages=True)
    assert outcome.failed and ran == [f"python3 -m venv --system-site-packages {venv}"]
    assert outcome.next_step == "Set break_system_packages: true, or name a virtualenv."
