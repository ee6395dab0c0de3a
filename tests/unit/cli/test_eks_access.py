"""A person's kubeconfig for a cluster of EKS, and the tokens that kubectl gets for it."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from clusterbook.cluster.kubeconfig import ensure_kubeconfig
from tests.unit.cli.conftest import Call, Run

ARN = "arn:aws:eks:us-east-2:123456789012:cluster/shop"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
OTHER = """\
apiVersion: v1
kind: Config
current-context: office
clusters:
- name: office
  cluster: {server: "https://192.0.2.1:6443", insecure-skip-tls-verify: true}
contexts:
- name: office
  context: {cluster: office, user: me}
users:
- name: me
  user: {token: 0123, auth-provider: {config: {expiry: 2030-01-01T00:00:00Z}}}
"""


@pytest.fixture
def shop(run: Run, aws: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A cluster of EKS, and a person who has no kubeconfig yet."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    aws("eks").create_cluster(name="shop", roleArn="arn:aws:iam::123456789012:role/eks", version="1.37",
                              resourcesVpcConfig={"subnetIds": []})  # fmt: skip
    return run


def written(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def signed(printed: str) -> tuple[str, dict[str, str]]:
    """The address that a printed token is: its beginning, and what it asks and says."""
    token = json.loads(printed)["status"]["token"]
    assert token.startswith("k8s-aws-v1.") and "=" not in token
    text = token.removeprefix("k8s-aws-v1.")
    address, _, query = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("?")
    return address, {name: values[0] for name, values in parse_qs(query).items()}


def test_a_kubeconfig_names_the_cluster_and_the_program_that_makes_tokens(shop: Run, aws: Any, tmp_path: Path) -> None:
    code, text = shop("eks-kubeconfig", "shop")
    file = tmp_path / ".kube" / "config"
    assert (code, text) == (0, f"The context {ARN} is in {file}, and the current one there.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    said, found = aws("eks").describe_cluster(name="shop")["cluster"], written(file)
    assert found["clusters"] == [{"name": ARN, "cluster": {
        "server": said["endpoint"], "certificate-authority-data": said["certificateAuthority"]["data"]}}]  # fmt: skip
    assert found["contexts"] == [{"name": ARN, "context": {"cluster": ARN, "user": ARN}}]
    assert found["current-context"] == ARN
    called = found["users"][0]["user"]["exec"]
    assert called["apiVersion"] == "client.authentication.k8s.io/v1" and "env" not in called
    assert called["args"] == ["eks-token", "shop", "--region", "us-east-2"]


def test_what_it_calls_prints_a_token_and_nothing_else(shop: Run, tmp_path: Path) -> None:
    assert shop("eks-kubeconfig", "shop")[0] == 0
    called = written(tmp_path / ".kube/config")["users"][0]["user"]["exec"]
    done = subprocess.run([called["command"], *called["args"]], capture_output=True, text=True, check=True,
                          cwd=tmp_path)  # fmt: skip
    assert done.stderr == "" and signed(done.stdout)[1]["Action"] == "GetCallerIdentity"


def test_a_token_is_a_question_to_sts_that_is_signed_for_that_cluster(
    shop: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # nothing is asked
    before = datetime.now(UTC).replace(microsecond=0)
    code, text = shop("eks-token", "shop", "--region", "eu-central-1")
    address, asked = signed(text)
    assert code == 0 and address == "https://sts.eu-central-1.amazonaws.com/"
    assert asked["Action"] == "GetCallerIdentity" and asked["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert asked["X-Amz-Credential"].split("/")[0] == "testing" and asked["X-Amz-Expires"] == "60"
    credential = json.loads(text)
    assert credential["apiVersion"] == "client.authentication.k8s.io/v1" and credential["kind"] == "ExecCredential"
    until = datetime.fromisoformat(credential["status"]["expirationTimestamp"])
    assert timedelta() <= until - before - timedelta(minutes=14) < timedelta(minutes=1)
    other = signed(shop("eks-token", "other", "--region", "eu-central-1")[1])[1]
    assert other["X-Amz-Signature"] != asked["X-Amz-Signature"]


def test_the_profile_of_now_is_that_of_its_tokens_which_a_role_s_keys_sign(
    shop: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, keys = tmp_path / "settings", tmp_path / "keys"
    settings.write_text("[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = me\n")
    keys.write_text("[me]\naws_access_key_id = mine\naws_secret_access_key = hidden\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    monkeypatch.setenv("AWS_PROFILE", "admin")
    for name in KEYS:
        monkeypatch.delenv(name)
    said = shop("eks-kubeconfig", "shop")[1]
    text = (tmp_path / ".kube/config").read_text()
    called = yaml.safe_load(text)["users"][0]["user"]["exec"]
    assert called["env"] == [{"name": "AWS_PROFILE", "value": "admin"}]
    assert not [word for word in ("mine", "hidden", "k8s-aws-v1") if word in text + said]
    asked = signed(shop("eks-token", "shop")[1])[1]
    assert asked["X-Amz-Credential"].startswith("ASIA") and asked["X-Amz-Security-Token"]


def test_what_else_is_in_a_kubeconfig_stays(shop: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(OTHER)
    for _ in range(2):
        assert shop("eks-kubeconfig", "shop", "--context", "shop", "--file", str(file))[0] == 0
    found = written(file)
    assert [one["name"] for one in found["contexts"]] == ["office", "shop"] and found["current-context"] == "shop"
    assert [one["name"] for one in found["clusters"]] == ["office", ARN]
    assert found["clusters"][0] == yaml.safe_load(OTHER)["clusters"][0]
    kept = found["users"][0]["user"]
    assert kept == {"token": "0123", "auth-provider": {"config": {"expiry": "2030-01-01T00:00:00Z"}}}


def test_a_link_to_a_kubeconfig_stays_one(shop: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    monkeypatch.setenv("KUBECONFIG", f"{link}{os.pathsep}{tmp_path}/second")
    said = json.loads(shop("eks-kubeconfig", "shop", "--json")[1])
    assert (said["kubeconfig"], said["context"]) == (str(link), ARN) and said["server"].startswith("https://")
    assert link.is_symlink() and written(real)["current-context"] == ARN


@pytest.mark.parametrize("text", ["[", "- one", "users: {a: b}", "users: [one]", "words"])
def test_a_file_that_is_no_kubeconfig_stays_as_it_is(shop: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(text)
    code, said = shop("eks-kubeconfig", "shop", "--file", str(file))
    assert code == 3 and "the file is no kubeconfig" in said and str(file.name) in said
    assert file.read_text() == text


def test_a_place_that_cannot_be_written_is_named(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, said = shop("eks-kubeconfig", "shop", "--file", str(tmp_path / "taken/config"))
    assert code == 3 and f"cannot write '{tmp_path}/taken/config': " in said


def test_the_kubeconfig_of_a_cluster_of_ours_is_refused_for_it_is_made_anew(
    shop: Run, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ensure_kubeconfig(kept)
    monkeypatch.setenv("KUBECONFIG", str(file))
    code, said = shop("eks-kubeconfig", "shop")
    assert code == 3 and "is made anew for the cluster hosts alone" in said and ARN not in file.read_text()


def test_without_credentials_kubectl_is_told_so_and_gets_no_token(
    call: Call, shop: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    code, output, errors = call("eks-token", "shop")
    assert (code, output) == (1, "") and "there are no AWS credentials for sts:get_caller_identity" in errors


def test_a_profile_whose_keys_cannot_be_had_is_said_to_have_none(
    shop: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings"
    settings.write_text("[profile admin]\ncredential_process = sh -c 'echo log in first >&2; false'\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings))
    monkeypatch.setenv("AWS_PROFILE", "admin")
    for name in KEYS:
        monkeypatch.delenv(name)
    code, text = shop("eks-token", "shop")
    assert code == 1 and "there are no AWS credentials for sts:get_caller_identity" in text and "log in first" in text


def test_a_cluster_that_is_not_there_is_named(shop: Run, tmp_path: Path) -> None:
    code, said = shop("eks-kubeconfig", "nowhere")
    assert code == 1 and "nowhere" in said and not (tmp_path / ".kube").exists()
