"""Names of modules and the tables that arguments are checked with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.modules import registry
from clusterbook.modules.contract import Parameter
from clusterbook.modules.parameters import convert
from tests.pythons import HOSTS, found

ROOT = Path(__file__).parents[3]
MODULES = [name for name in registry.names() if not registry.is_flow(name)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("copy", "ansible.builtin.copy"), ("ansible.builtin.copy", "ansible.builtin.copy"),
        ("ansible.legacy.copy", "ansible.builtin.copy"), ("sysctl", "ansible.posix.sysctl"),
        ("modprobe", "community.general.modprobe"), ("certificate", "certificate"),
        ("set_fact", "ansible.builtin.set_fact"), ("systemd", "ansible.builtin.systemd"),
        ("nothing", None), ("ansible.builtin.nothing", None), ("other.collection.copy", None),
    ],
)
def test_every_accepted_name_has_one_meaning(written: str, meant: str | None) -> None:
    assert registry.canonical(written) == meant


@pytest.mark.parametrize("name", registry.names())
def test_every_module_describes_itself_and_each_parameter(name: str) -> None:
    table = registry.specification(name)
    assert table.description.endswith(".") and table.kind in ("state", "query", "action", "flow")
    for parameter in table.parameters.values():
        assert parameter.description.strip()
        assert parameter.default is None or convert(parameter, parameter.default) is not None
        assert not parameter.choices or parameter.default is None or set(as_list(parameter)) <= set(parameter.choices)
    rules = (*table.mutually_exclusive, *table.required_together, *table.required_one_of)
    assert {item for rule in rules for item in rule} <= set(table.parameters)


def as_list(parameter: Parameter) -> list[object]:
    return parameter.default if isinstance(parameter.default, list) else [parameter.default]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_the_functions_of_its_kind(name: str) -> None:
    module = registry.load(name)
    wanted = ("observe", "diff", "apply", "returns") if module.KIND == "state" else ("run",)
    assert all(callable(getattr(module, function)) for function in wanted)


@pytest.mark.parametrize("name", ["file", "copy", "template", "systemd", "command", "sysctl", "certificate"])
def test_a_module_starts_without_what_only_others_need(name: str) -> None:
    code = ("import sys; from clusterbook.modules import registry, perform; "
            "from clusterbook.modules.system import predicted; "
            f"registry.load(registry.canonical({name!r})); print(*sys.modules)")
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    heavy = {"urllib.request", "http.client", "ssl", "tarfile", "tempfile", "email", "configparser", "ipaddress"}
    allowed = {"ipaddress"} if name == "certificate" else set()
    assert heavy & set(done.stdout.split()) <= allowed


def test_modules_import_the_standard_library_and_themselves_only() -> None:
    code = ("import sys; from clusterbook.modules import registry; "
            "[registry.specification(name) for name in registry.names()]; "
            "from clusterbook.modules.system import predicted; "
            "print(*(n for n in sys.modules if n.partition('.')[0] not in sys.stdlib_module_names))")
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    ours = {"clusterbook", "clusterbook.errors", "clusterbook.modules", "clusterbook.records"}
    assert [name for name in done.stdout.split()
            if name not in ours and not name.startswith(("clusterbook.modules.", "__"))] == []


def test_every_module_loads_and_works_on_the_oldest_python(tmp_path: Path) -> None:
    python = dict(found(HOSTS[:1])).get(HOSTS[0])
    if python is None:
        pytest.skip(f"no Python {HOSTS[0]} on this machine")
    code = ("import sys; from clusterbook.modules import registry; from clusterbook.modules.perform import perform; "
            "from clusterbook.modules.system import System; from clusterbook.modules.system.predicted import "
            "PredictedSystem; [registry.specification(name) for name in registry.names()]; path = sys.argv[1]; "
            "steps = [('file', dict(path=path + '/d', state='directory', mode='0700')), ('setup', {}), "
            "('copy', dict(dest=path + '/d/f', content='x')), ('command', dict(argv=['true'])), "
            "('lineinfile', dict(path=path + '/d/f', line='y')), ('stat', dict(path=path + '/d/f'))]; "
            "seen = [perform(name, given, system, check) for system, check in "
            "((PredictedSystem(), True), (System(), False)) for name, given in steps]; "
            "print([(item.changed, item.failed, item.message) for item in seen if item.failed])")
    done = subprocess.run([python, "-W", "error", "-c", code, str(tmp_path)], cwd=ROOT, check=True, capture_output=True,
                          text=True)
    assert done.stdout == "[]\n" and (tmp_path / "d/f").read_text() == "x\ny\n"
