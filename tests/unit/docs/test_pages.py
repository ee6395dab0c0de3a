"""Pages whose commands need no hosts, typed in as they stand: each command ends, and prints, as its page says."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab.page import Command, Shell, commands, type_in, typed
from tests.unit.conftest import IMAGE

DOCS = Path(__file__).parents[3] / "docs"
# Every page of docs with commands in a block is in one of these three (tests/contract/test_docs.py).
TYPED_HERE = ("artifacts.md", "clusterbook-playbook.md", "coming-from-ansible.md", "lint.md", "store.md", "vault.md")
# Page -> the test that types it in.
TYPED_ELSEWHERE: Mapping[str, str] = {
    "applications.md": "tests/lab/test_how_to.py",
    "backup.md": "tests/lab/test_how_to.py",
    "cluster-security.md": "tests/lab/test_how_to.py",
    "doctor.md": "tests/lab/test_how_to.py",
    "drift.md": "tests/lab/test_how_to.py",
    "errors.md": "tests/unit/cli/test_bad_input.py",
    "how-to.md": "tests/lab/test_how_to.py",
    "logs.md": "tests/lab/test_how_to.py",
    "nodes.md": "tests/lab/test_how_to.py",
    "probe.md": "tests/lab/test_how_to.py",
    "rotation.md": "tests/lab/test_how_to.py",
    "tutorial.md": "tests/lab/test_tutorial.py",
    "walk-through.md": "tests/lab/test_ec2.py",
}
# Page -> why nobody types it in. tests/contract/test_docs.py parses the lines of clusterbook's own tasks all the same.
NOT_TYPED: Mapping[str, str] = {
    "air-gap.md": "hosts without a network, and a bundle of gigabytes: tests/lab/test_air_gap.py runs the same tasks",
    "ec2.md": "an account of AWS: tests/lab/test_ec2.py types in the walk-through, which has the same tasks",
    "eks.md": "hosts for a cluster of EKS: tests/lab/test_eks.py runs the same task; below is what needs none",
    "monitoring.md": "a raised cluster, and lines of Prometheus' own language: tests/lab/test_logs.py opens its page",
    "tasks.md": "made from the tasks themselves: one example of each",
    "upgrade.md": "two versions of Kubernetes: tests/lab/test_upgrade.py runs the same tasks, the tutorial is typed in",
    "vagrant.md": "virtual machines: tests/vagrant raises them",
}
# Page -> its sections that need an account of AWS and no hosts. They are typed in here, too: in seconds, without a lab.
WITHOUT_HOSTS: Mapping[str, tuple[str, ...]] = {
    "eks.md": ("kubectl",),
    "walk-through.md": ("Who may do it", "What is wanted", "What it needs of EC2", "Back to nothing"),
}

# What a page writes as an example -> what it is here.
HERE: Mapping[str, str] = {
    r"(clusterbook vault encrypt-string .*)prod@prompt": r"(echo a word | \1prod@~/.vault-prod)",
    r"PASSPHRASE=…": "PASSPHRASE=words",
    # They fetch and build for minutes, or need a lab: only whether their words are understood.
    r"(python -m clusterbook\S+ (?:lock|fetch|build)) ?(?:\[NAME …\])?(.*)": r"\1 \2 --help",
    r"(python -m clusterbook.lab.mirror) start\|stop\|status \[--lab NAME\]": r"\1 status --lab NAME --help",
    r"#!/bin/sh": "true",
    # This account has one image, and of no date.
    r"(invoke create-cluster walk.*)": rf"\1 --image {IMAGE['ami_id']}",
    r"exec (clusterbook inventory --inventory) aws \"\$@\"": r"\1 web --list",
}  # fmt: skip
# The playbook web.yml has something that lint finds.
FOUND = "invoke lint( --(skip|extra-vars|json|sarif).*)?"
# What has to be done before a line, as the page says or takes for granted.
BEFORE: Mapping[str, str] = {
    "invoke store-key --file": "export CLUSTERBOOK_STORE_PASSPHRASE=words",
    "invoke iam walk": "export CLUSTERBOOK_STATE_STORE=s3://lab-state/team",
    "invoke create-cluster walk": "(umask 077 && mkdir ~/.ssh && ssh-keygen -qt ed25519 -N '' -f ~/.ssh/id_ed25519)",
    "invoke edit-cluster": "export EDITOR=true",
}
FILES: Mapping[str, str] = {
    "hosts.yml": "all: {children: {web: {hosts: {here: {ansible_connection: local}}}}}\n",
    "hosts.ini": "[web]\nhere ansible_connection=local\n",
    "site.yml": "- name: Say it\n  hosts: web\n  gather_facts: false\n"
                "  tasks:\n    - name: Say it\n      debug: {msg: hello}\n",
    "playbooks/site.yml": "- name: Set it up\n  hosts: worker\n  roles: [etcd]\n",
    "playbooks/web.yml": "- name: Serve pages\n  hosts: worker\n  become: true\n  gather_facts: false\n  tasks:\n"
                         "    - name: Make the folder of uploads\n      command: mkdir -p /srv/uploads\n",
    "roles/etcd/tasks/main.yml": "- name: Ensure it answers\n  ansible.builtin.ping:\n",
    "editor": "#!/bin/sh\necho 'db_password: a word of many letters' > \"$1\"\n",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shell]:
    """A person's shell in a new project, with a home of its own; and an AWS of its own where a page needs one."""
    page = request.node.callspec.params["page"]
    if page == "store.md" or page in WITHOUT_HOSTS:
        _account(request.getfixturevalue("aws"))
    for name in ("", "-prod", "-dev"):
        (tmp_path / f".vault{name}").write_text(f"the password{name}\n")
    shell = Shell(_environment(tmp_path), tmp_path)
    try:
        made = shell.run("clusterbook init web --control-plane 192.0.2.11 --worker 192.0.2.21 --user admin && cd web")
        assert made[0] == 0, made[1]
        for name, text in FILES.items():
            path = tmp_path / "web" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "web/editor").chmod(0o755)
        yield shell
    finally:
        shell.close()


def _account(aws: Any) -> None:
    """What the pages take for granted there."""
    kms = aws("kms")
    kms.create_alias(AliasName="alias/clusterbook", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    aws("eks", region_name="eu-central-1").create_cluster(
        name="shop", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": []}
    )


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("page", TYPED_HERE)
def test_every_command_of_the_page_ends_and_prints_as_it_says(project: Shell, page: str) -> None:
    _type(typed(DOCS / page), project)


@pytest.mark.parametrize("page", WITHOUT_HOSTS)
def test_what_a_page_does_in_an_account_alone_ends_and_prints_as_it_says(project: Shell, page: str) -> None:
    sections = commands(DOCS / page)
    for title in WITHOUT_HOSTS[page]:
        _type(sections[title], project)


def _type(steps: Sequence[Command], project: Shell) -> None:
    assert steps
    for step in steps:
        before = next((line for start, line in BEFORE.items() if step.line.startswith(start)), "true")
        assert project.run(before)[0] == 0
        type_in([_here(step)], project)


def _here(step: Command) -> Command:
    line = step.line
    for pattern, here in HERE.items():
        line = re.sub(pattern, here, line)
    return replace(step, line=line, status=1 if re.fullmatch(FOUND, line) else step.status)


def _environment(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLUSTERBOOK_", "XDG_", "ANSIBLE_"))
    }
    return {**kept, "HOME": str(home), "NO_COLOR": "1", "EDITOR": str(home / "web/editor"), "VISUAL": "",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # fmt: skip
