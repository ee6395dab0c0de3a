"""A kept play runs with nobody to ask: its files are in it, its secrets are not, and what it lacks is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clusterbook.agent import joining
from clusterbook.agent.supplies import MOST_BYTES
from clusterbook.execute.bundle import agent_bundle
from clusterbook.execute.kept import kept
from clusterbook.execute.services import Services
from clusterbook.language.values import Secret

INSTANCE = {"address": "10.20.32.200", "name": "ip-10-20-32-200"}
MARKS = {"address": "join.address.mark", "name": "join.name.mark"}
TOKEN = "abcde0.0123456789abcdef"
INVENTORY = """\
all:
  vars: {ansible_connection: local}
  hosts: {join.name.mark: {address: join.address.mark, own: "{{ address }}:22"}}
"""
PLAY = """\
- hosts: all
  strategy: free
  gather_facts: false
  roles: [worker]
"""
TASKS = """\
- template: {src: "{{ item }}.j2", dest: "OUT/{{ item }}"}
  loop: [one, two]
- copy: {src: plain.txt, dest: OUT/plain.txt}
- copy: {content: "{{ inventory_hostname }} {{ token }}", dest: OUT/token}
  no_log: true
"""


@pytest.fixture
def folder(playbooks: Any, machine: None) -> Path:
    """With the files that the play names."""
    role = playbooks.folder / "roles" / "worker"
    for name in ("templates", "files", "tasks"):
        (role / name).mkdir(parents=True)
    (playbooks.folder / "out").mkdir()
    for name in ("one", "two"):
        (role / "templates" / f"{name}.j2").write_text(f"{name} of {{{{ own }}}}\n")
    (role / "files" / "plain.txt").write_text("plain\n")
    (role / "tasks" / "main.yml").write_text(TASKS.replace("OUT", str(playbooks.folder / "out")))
    return Path(playbooks.folder)


def segment(playbooks: Any, text: str) -> dict[str, Any]:
    """The play as a provision keeps it."""
    plan = playbooks.plan(text.replace("OUT", str(playbooks.folder / "out")), INVENTORY,
                          extra_variables={"token": Secret("cluster_bootstrap_token")})  # fmt: skip
    found = kept(plan.plays[0], "join.name.mark", Services())
    more = {"marks": MARKS, "certificates": [], "token_names": ["cluster_bootstrap_token"],
            "api": {"urls": ["https://none.example:6443"], "authority": ""}}  # fmt: skip
    loaded: dict[str, Any] = json.loads(json.dumps({**found, **more}))
    return loaded


def join(found: dict[str, Any], monkeypatch: pytest.MonkeyPatch, instance: Any = None) -> tuple[bool, list[str]]:
    said: list[str] = []
    monkeypatch.setattr(joining, "Cluster", lambda *about: None)
    done = joining.join(found, agent_bundle().payload, instance or INSTANCE, {"token": TOKEN}, said.append)
    return done, said


def test_it_runs_with_the_instance_s_own_facts_and_its_token(
    playbooks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = segment(playbooks, PLAY)
    shutil.rmtree(folder / "roles")  # the machine that kept it is far away
    done, said = join(found, monkeypatch)
    assert done, said
    assert {path.name: path.read_text() for path in (folder / "out").iterdir()} == {
        "one": "one of 10.20.32.200:22\n", "two": "two of 10.20.32.200:22\n", "plain.txt": "plain\n",
        "token": f"ip-10-20-32-200 {TOKEN}",
    }  # fmt: skip
    assert not any(TOKEN in line for line in said)


def test_files_of_another_role_are_kept_when_a_loop_or_the_inventory_names_them(
    playbooks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = folder / "roles" / "other" / "files"
    other.mkdir(parents=True)
    for name in ("a.py", "b.py", "c.py"):
        (other / name).write_text(f"{name}\n")
    tasks = """\
- copy: {src: "{{ item }}", dest: "OUT/{{ item | basename }}"}
  loop: [plain.txt, ../../other/files/a.py, ../../other/files/b.py]
- copy: {src: "../../{{ whose }}/files/c.py", dest: OUT/c.py}
  vars: {whose: other}
""".replace("OUT", str(folder / "out"))
    (folder / "roles" / "worker" / "tasks" / "main.yml").write_text(tasks)
    found = segment(playbooks, PLAY)
    shutil.rmtree(folder / "roles")
    done, said = join(found, monkeypatch)
    assert done, said
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.py", "b.py", "c.py", "plain.txt"]


def test_a_large_file_is_kept_whole(playbooks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = folder / "roles" / "worker" / "files" / "plain.txt"
    plain.write_bytes(b"plain\n" * (MOST_BYTES // 5))
    done, said = join(segment(playbooks, PLAY), monkeypatch)
    assert done, said
    assert (folder / "out" / "plain.txt").read_bytes() == plain.read_bytes()


def test_no_secret_is_kept(playbooks: Any, folder: Path) -> None:
    assert TOKEN not in json.dumps(segment(playbooks, PLAY))


def test_what_was_not_kept_is_refused_and_the_reason_is_said(
    playbooks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n" \
           "  - copy: {src: absent.txt, dest: OUT/x}\n"  # fmt: skip
    done, said = join(segment(playbooks, text), monkeypatch)
    assert not done
    assert any("nobody is there to say source absent.txt: this host joins by itself" in line for line in said), said


@pytest.mark.parametrize("fact", ["a b", "{{ 1 }}", 'x"y', ""])
def test_a_fact_that_is_no_plain_word_does_not_become_part_of_the_play(
    playbooks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, fact: str
) -> None:
    done, said = join(segment(playbooks, PLAY), monkeypatch, {**INSTANCE, "address": fact})
    assert (done, said) == (False, ["it did not work this time: the instance's address is not a plain word"])


GONE = "aws:///us-east-2a/i-0gone"


@pytest.mark.parametrize(("known", "done"), [("", True), ("aws:///us-east-2a/i-0fresh", True), (GONE, False)])
def test_nothing_is_done_while_the_node_of_this_name_is_another_instance_s_and_it_says_so(
    playbooks: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, known: str, done: bool
) -> None:
    names = ("flannel", "system:kube-proxy")
    certificates = [{"path": f"/{name}.crt", "key_path": f"/{name}.key", "common_name": name} for name in names]
    nodes = {"ip-10-20-32-200": known}
    monkeypatch.setattr(joining, "client_certificate", lambda cluster, wanted: False)
    monkeypatch.setattr(joining, "provider_of", lambda cluster, node: nodes.pop(node))  # asked once
    instance = {**INSTANCE, "node_name": "ip-10-20-32-200", "instance_id": "i-0fresh"}
    ended, said = join({**segment(playbooks, PLAY), "certificates": certificates}, monkeypatch, instance)
    assert ended is done and bool(list((folder / "out").iterdir())) is done
    if not done:
        assert said == [
            f"it did not work this time: node ip-10-20-32-200 is still that of {GONE}, which had this address before: "
            "the cloud controller removes it when that instance is gone"
        ]
