"""From the console of an instance to a connection: an ssh server of this machine stands behind an instance of EC2."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterbook import inventory
from clusterbook.errors import Distrusted
from clusterbook.model import Host
from clusterbook.transport import Connector

CLUSTER = {"cluster_name": "demo", "aws": {"region": "us-east-2"}}
MOST = 64 * 1024
# Loaded when it is set: moto reads its images, which the fixture of its server chooses, as soon as it is loaded.
CONSOLE_OF_MOTO = "moto.ec2.responses.general.SAMPLE_CONSOLE_OUTPUT"
# As cloud-init of Debian 12 shows keys: those of its log, then those for machines, then the end of its work.
BOOT = """\
[    0.000000] Linux version 6.1.0-28-cloud-amd64 (debian-kernel@lists.debian.org)
[    5.913204] cloud-init[412]: Cloud-init v. 22.4.2 running 'modules:final'. Up 5.88 seconds.
<14>Nov 29 05:13:30 cloud-init: #############################################################
<14>Nov 29 05:13:30 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>Nov 29 05:13:30 cloud-init: 256 SHA256:6zpWkY0xQ0W0m5p8kz6Xq2b0mI1M1B3m1yq4cVxJwCk root@ip-10-20-32-10 (ED25519)
<14>Nov 29 05:13:30 cloud-init: -----END SSH HOST KEY FINGERPRINTS-----
<14>Nov 29 05:13:30 cloud-init: #############################################################
-----BEGIN SSH HOST KEY KEYS-----
{keys}
-----END SSH HOST KEY KEYS-----
[    5.999999] cloud-init[412]: Cloud-init v. 22.4.2 finished. Datasource DataSourceEc2Local. Up 5.99 seconds

Debian GNU/Linux 12 ip-10-20-32-10 ttyS0

ip-10-20-32-10 login: """


class Account:
    """One instance, what its console shows, and a person's folder."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, instance: str) -> None:
        """folder: of the inventory and of what is learnt."""
        self.instance = instance
        self.known = folder / "state" / "clusterbook" / "aws" / "known_hosts"
        self._file = folder / "aws.yml"
        self._file.write_text("plugin: aws_ec2\nhost_name: [instance_id]\n")
        self._patch = patch

    def shows(self, text: str) -> None:
        """What the console has from now on; AWS tells the last 64 KiB."""
        self._patch.setattr(CONSOLE_OF_MOTO, text.encode()[-MOST:].decode())

    def host(self, server: Any) -> Host:
        """The host as the inventory has it, at the server's address."""
        host = inventory.load(self._file, None, CLUSTER).hosts[self.instance]
        own = {"ansible_host": "127.0.0.1", "ansible_port": server.port, "ansible_user": "admin",
               "ansible_ssh_private_key_file": str(server.key)}  # fmt: skip
        return replace(host, variables={**host.variables, **own})

    def learnt(self) -> list[str]:
        """Keys without the id."""
        text = self.known.read_text() if self.known.exists() else ""
        return [line.removeprefix(f"{self.instance} ") for line in text.splitlines()]


@pytest.fixture
def account(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with one instance of the cluster."""
    for name in ("STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "KubernetesCluster", "Value": "demo"}]}]
    answer = aws("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)
    return Account(tmp_path, monkeypatch, answer["Instances"][0]["InstanceId"])


def log_in(server: Any, host: Host) -> None:
    server.opened.append(Connector(server.options).connect(host))


def key_of(tmp_path: Path, kind: str) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(tmp_path / kind)], check=True)
    return " ".join((tmp_path / f"{kind}.pub").read_text().split()[:2])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_host_is_known_by_all_the_keys_that_its_console_shows(
    account: Account, server: Any, tmp_path: Path, end: str
) -> None:
    keys = [server.host_key, *(key_of(tmp_path, kind) for kind in ("rsa", "ecdsa"))]
    text = BOOT.format(keys="\n".join(f"{key} root@ip-10-20-32-10" for key in keys))
    account.shows(text.replace("\n", end))
    log_in(server, account.host(server))
    assert account.learnt() == sorted(keys)


def test_a_console_that_shows_nothing_yet_is_asked_again_and_the_host_is_refused_until_then(
    account: Account, server: Any
) -> None:
    for text in ("", "[    0.000000] Linux version 6.1.0\n", BOOT.partition("-----END SSH HOST KEY KEYS")[0]):
        account.shows(text.format(keys=server.host_key))
        with pytest.raises(Distrusted, match="its host key is not known") as caught:
            log_in(server, account.host(server))
    assert caught.value.next_step == (
        "EC2 shows an instance's console some minutes after its boot: run the same command again. Or compare the "
        f"fingerprint, then: ssh-keyscan -p {server.port} 127.0.0.1 | sed 's/^[^ ]*/{account.instance}/' "
        f">> {account.known}"
    )
    account.shows(BOOT.format(keys=server.host_key))
    log_in(server, account.host(server))


def test_what_is_said_to_do_about_a_host_whose_console_never_shows_its_keys_lets_it_in(
    account: Account, server: Any
) -> None:
    account.shows(BOOT.format(keys=server.host_key) + "x" * MOST)  # of the block nothing is left
    with pytest.raises(Distrusted) as caught:
        log_in(server, account.host(server))
    account.known.parent.mkdir(parents=True, exist_ok=True)
    command = caught.value.next_step.partition("then: ")[2]
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    log_in(server, account.host(server))


def test_a_block_whose_start_is_cut_off_gives_no_key(account: Account, server: Any) -> None:
    text = BOOT.format(keys=server.host_key)
    start = len(text.partition("BEGIN SSH HOST KEY KEYS")[0]) + 3
    account.shows(text + "\n" * (MOST + start - len(text)))
    account.host(server)
    assert account.learnt() == []


def test_a_key_that_the_kernel_wrote_into_is_left_out_and_the_others_are_learnt(
    account: Account, server: Any, tmp_path: Path
) -> None:
    other = key_of(tmp_path, "ecdsa")
    kind, text = other.split()
    keys = f"{kind} {text[:40]}[    5.95] ena 0000:00:05.0 ens5: renamed\n{text[40:]} root@a\n{server.host_key} root@a"
    account.shows(BOOT.format(keys=keys))
    log_in(server, account.host(server))
    assert account.learnt() == [server.host_key]


def test_another_key_than_the_one_that_was_learnt_is_refused_whatever_the_console_shows_later(
    account: Account, server: Any, tmp_path: Path
) -> None:
    other = key_of(tmp_path, "ed25519")
    account.shows(BOOT.format(keys=other))
    account.host(server)
    account.shows(BOOT.format(keys=server.host_key))
    with pytest.raises(Distrusted, match="its host key has changed"):
        log_in(server, account.host(server))
    assert account.learnt() == [other]
