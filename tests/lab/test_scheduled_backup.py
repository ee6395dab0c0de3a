"""A timer of systemd takes backups into a bucket, on a machine of its own; from the last the cluster comes back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from clusterbook.cluster.probe import NAMESPACE, OBJECT
from clusterbook.lab import lab, record
from clusterbook.lab.mirror_servers import of_lab
from tests.lab.asking import as_root, until
from tests.lab.conftest import ROOT, Cluster
from tests.lab.forms import booted
from tests.lab.keeping import kept
from tests.lab.probing import failed, probed

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
# The machine of the person who keeps the cluster: it runs systemd, which the machine that tests may not.
OPERATOR = "w-1"
AT = ("--at", "s3://kept/clusters")
KEEP = 2
VARIABLES = "/etc/clusterbook/backup-forms.env"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
LAUNCHER = """#!/usr/bin/python3
import sys
sys.path.insert(0, "/opt/clusterbook/lib")
from clusterbook.cli.main import main
main()
"""
# systemd lets times that are near each other meet within a minute.
DROP_IN = "/etc/systemd/system/clusterbook-backup-forms.timer.d"
SOON = "[Timer]\\nAccuracySec=1s\\n"


@contextmanager
def bucket(one: Cluster) -> Iterator[Cluster]:
    """The cluster's command line with an account that has a bucket, which hosts of the lab reach, too."""
    server = ThreadedMotoServer(record.read_spec(one.name).gateway, 0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=address, aws_access_key_id="test", aws_secret_access_key="test",
                     region_name="us-east-1").create_bucket(Bucket="kept")  # fmt: skip
        yield replace(one, environment={**one.environment, **ACCOUNT, "AWS_ENDPOINT_URL_S3": address})
    finally:
        server.stop()


def on(one: Cluster, command: str) -> str:
    """What a command of root prints on the operator's machine."""
    return as_root(record.read_spec(one.name), OPERATOR, command)


def inventory(one: Cluster) -> Path:
    """An inventory of the same hosts for a machine that knows of no lab."""
    document = yaml.safe_load(one.inventory.read_text())
    variables = document["all"]["vars"]
    document["all"]["vars"] = {name: value for name, value in variables.items() if not name.startswith("lab_")}
    path = one.inventory.with_name("mine.yml")
    path.write_text(yaml.safe_dump(document))
    return path


def installed(one: Cluster, folder: Path) -> None:
    """The wheel with what it needs, the inventory, the store and the key of ssh are on the operator's machine."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "wheel", ROOT], check=True)
    (wheel,) = (folder / "wheel").iterdir()
    subprocess.run([*pip, "install", "-q", "--target", folder / "lib", wheel], check=True)
    mirror, keys = of_lab(record.read_spec(one.name)), record.read_spec(one.name).directory
    own = [inventory(one), one.inventory.with_name("group_vars"), Path(one.environment["CLUSTERBOOK_STATE_STORE"][7:]),
           keys / "id_ed25519", keys / "known_hosts"]  # fmt: skip
    there = f"--transform=s,^{folder}/lib,/opt/clusterbook/lib,"
    subprocess.run(["tar", "--create", "--dereference", "--absolute-names", there, f"--file={mirror.files}/program.tar",
                    folder / "lib", *own], check=True)  # fmt: skip
    on(one, f"curl -sSf {mirror.files_url}/program.tar | tar --extract --absolute-names --same-owner")
    (mirror.files / "program.tar").unlink()
    on(one, f"printf %s '{LAUNCHER}' > /usr/local/bin/clusterbook; chmod 755 /usr/local/bin/clusterbook")


def scheduled(one: Cluster) -> None:
    """A person there asks for a schedule and does what it says comes next."""
    names = [name for name in one.environment if name.startswith(("AWS_", "CLUSTERBOOK_ST"))]
    variables = "".join(f'{name}="{one.environment[name]}"\n' for name in names)
    on(one, f"install -D -m 600 /dev/null {VARIABLES}; printf %s '{variables}' > {VARIABLES}")
    mine = ["--inventory", str(one.inventory.with_name("mine.yml")), "--cluster", one.name]
    words = " ".join(["backup", *mine, *AT, "--keep", str(KEEP), "--schedule '*:*:0/15'"])
    told = on(one, f"unset SUDO_USER; set -a; . {VARIABLES}; cd /root; clusterbook {words} --yes")
    assert "only for this test" not in told
    on(one, f"mkdir {DROP_IN}; printf '{SOON}' > {DROP_IN}/soon.conf; systemctl daemon-reload")
    (enable, start) = re.findall(r"^  (systemctl (?:enable|start)[^#\n]*)", told, re.MULTILINE)
    on(one, enable)
    on(one, f"{start.strip()} || {{ journalctl --unit=clusterbook-backup-forms --output=cat --no-pager; exit 1; }}")


def taken(one: Cluster) -> list[str]:
    """The backups that are there, oldest first."""
    return [found["id"] for found in json.loads(one("backups", "--cluster", one.name, *AT, "--json").output)]


def test_a_timer_takes_backups_into_a_bucket_and_the_cluster_comes_back_from_the_last(
    tmp_path: Path, clusters: Any
) -> None:
    with booted("one control plane and one worker", tmp_path, clusters) as form, bucket(form) as one:
        one.on("mirror", "--start")
        one.on("provision")
        one.on("validate-cluster", "--wait", "5m")
        one.kubectl("create", "namespace", "kept")
        one.kubectl("create", "configmap", "of-before", "--namespace=kept", "--from-literal=a=b")
        installed(one, tmp_path)
        with probed(one) as records:
            scheduled(one)
            first = taken(one)
            assert len(first) == 1, "the service was started by hand"
            seen = set(first)
            until(lambda: len(seen.update(taken(one)) or seen) >= KEEP + 2, "the timer took more")
            assert len(taken(one)) <= KEEP
            on(one, "systemctl disable --now clusterbook-backup-forms.timer")
            until(lambda: on(one, "systemctl show --value --property=ActiveState clusterbook-backup-forms.service")
                  == "inactive", "the last one has ended")  # fmt: skip
        assert failed(records) == {}
        assert on(one, "systemctl show --value --property=Result clusterbook-backup-forms.service") == "success"
        assert "only for this test" not in on(one, "journalctl --unit=clusterbook-backup-forms --output=cat")
        comes_back(one)


def comes_back(one: Cluster) -> None:
    """The only control plane has lost its disk, the store all of the cluster: the bucket is what is left."""
    was = kept(one)
    one.kubectl("delete", "namespace", "kept")
    lab.reset_hosts(record.read_spec(one.name), ["cp-1"])
    shutil.rmtree(Path(one.environment["CLUSTERBOOK_STATE_STORE"].removeprefix("file://"), one.name))
    one.on("restore", "--from", "latest", *AT, expect=2)
    one.on("restore", "--from", "latest", *AT, "--yes")
    one.on("validate-cluster", "--wait", "5m")
    one.on("plan")
    # The prober asked while the last backup was taken.
    one.kubectl("delete", "configmap", OBJECT, f"--namespace={NAMESPACE}", "--ignore-not-found")
    assert kept(one) == was
