"""A store in a bucket behaves as one in a directory does, for many machines at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster import lock
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.store import cluster_names, open_store
from clusterbook.cluster.store_s3 import S3Store
from clusterbook.errors import InvalidInput


@pytest.fixture
def store(aws: Any, tmp_path: Path) -> S3Store:
    """A store below a prefix of a bucket that holds other things too."""
    client = aws("s3")
    client.create_bucket(Bucket="state", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_bucket_versioning(Bucket="state", VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="state", Key="elsewhere/lab/cluster.yaml", Body=b"not ours")
    return S3Store("state", "team/a", client, tmp_path / "cache")


def test_what_was_written_is_read_again_and_absence_is_none(store: S3Store) -> None:
    assert store.read("lab/cluster.yaml") is None
    store.write("lab/cluster.yaml", b"one")
    store.write("lab/cluster.yaml", b"two")
    assert store.read("lab/cluster.yaml") == b"two"
    assert cluster_names(store) == ["lab"]
    assert store.names("lab") == ["lab/cluster.yaml"]
    assert store.names("la") == []


def test_a_swap_succeeds_only_from_the_content_that_was_seen(store: S3Store) -> None:
    assert store.swap("lab/x", None, None)
    assert store.swap("lab/x", None, b"one")
    assert not store.swap("lab/x", None, b"two")
    assert not store.swap("lab/x", b"other", b"two")
    assert store.swap("lab/x", b"one", b"two")
    assert store.swap("lab/x", b"two", None)
    assert store.read("lab/x") is None
    assert store.swap("lab/x", None, b"again")


def test_swaps_of_several_writers_lose_nothing(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # S3 compares and writes in one; moto does so in two steps, between which it may serve another writer's.
    real, turn = store._client.put_object, threading.Lock()

    def put(**arguments: Any) -> Any:
        with turn:
            return real(**arguments)

    monkeypatch.setattr(store._client, "put_object", put)

    def add() -> None:
        done = 0
        while done < 10:
            old = store.read("counter")
            done += store.swap("counter", old, str(int(old or b"0") + 1).encode())

    writers = [threading.Thread(target=add) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert store.read("counter") == b"30"


def test_a_put_that_lost_the_race_changes_nothing(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("lab/x", b"one")
    real = S3Store._get

    def overtaken(self: S3Store, name: str) -> tuple[bytes | None, str]:
        found = real(self, name)
        monkeypatch.undo()
        self.write(name, b"theirs")
        return found

    monkeypatch.setattr(S3Store, "_get", overtaken)
    assert not store.swap("lab/x", b"one", b"ours")
    assert store.read("lab/x") == b"theirs"


def test_the_lock_of_a_cluster_works_there(store: S3Store) -> None:
    with (
        lock.hold(store, "lab", "update-cluster"),
        pytest.raises(lock.StoreLocked, match="update-cluster"),
        lock.hold(store, "lab", "delete-cluster"),
    ):
        pass
    assert lock.holder(store, "lab") is None


def test_files_and_journals_lie_in_a_private_folder_of_this_machine(store: S3Store, tmp_path: Path) -> None:
    store.write("lab/kubeconfig", b"secret")
    path = store.local_file("lab/kubeconfig")
    assert path.read_bytes() == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.local_directory("lab/runs/1").stat().st_mode & 0o777 == 0o700
    assert path.is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "lab//x", ""])
def test_a_name_cannot_leave_the_store(store: S3Store, name: str) -> None:
    with pytest.raises(StoreError, match="not a name in a store"):
        store.write(name, b"x")


def test_an_absent_bucket_says_what_to_do(aws: Any, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"the store s3://nowhere-at-all cannot be used: .*NoSuchBucket") as caught:
        S3Store("nowhere-at-all", "", aws("s3"), tmp_path).write("lab/x", b"x")
    assert "create-cluster" in caught.value.next_step


@pytest.mark.usefixtures("aws")
def test_the_address_in_the_environment_opens_it() -> None:
    assert open_store({"CLUSTERBOOK_STATE_STORE": "s3://state/team/a/"}).address == "s3://state/team/a"
    for wrong in ("s3://", "s3://UPPER", "s3://a", "s3://-x-/y"):
        with pytest.raises(InvalidInput, match="is not the address of a store"):
            open_store({}, wrong)


@pytest.mark.parametrize("new", [b"ours", None])
@pytest.mark.parametrize("meanwhile", [None, b"theirs"])
def test_a_change_whose_answer_was_lost_is_known_for_ours(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, new: bytes | None, meanwhile: bytes | None
) -> None:
    store.write("lab/x", b"one")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    session = store._client._endpoint.http_session
    real = session.send

    def send(request: Any) -> Any:
        """S3 does it, and a machine on the way says that it could not: botocore asks again."""
        answer = real(request)
        if request.method in ("PUT", "DELETE"):
            monkeypatch.setattr(session, "send", real)
            answer.status_code = 503
            if meanwhile:
                store.write("lab/x", meanwhile)
        return answer

    monkeypatch.setattr(session, "send", send)
    assert store.swap("lab/x", b"one", new) == (meanwhile is None)
    assert store.read("lab/x") == (meanwhile or new)


@pytest.mark.usefixtures("aws")
def test_hosts_are_sent_to_the_bucket_s_own_region_wherever_a_person_works(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = aws("s3", region_name="eu-west-1")
    far.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for region in ("us-east-2", "eu-west-1"):
        store = S3Store("far", "team", aws("s3", region_name=region), tmp_path)
        assert store.region == "eu-west-1"
    answer = {"BucketRegion": "eu-west-1"}
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    nowhere = aws("s3")
    monkeypatch.setattr(nowhere, "head_bucket", lambda **_: answer)
    store = S3Store("far", "team", nowhere, tmp_path)
    assert store.url("lab/join") == "https://s3.eu-west-1.amazonaws.com/far/team/lab/join"
