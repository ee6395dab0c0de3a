"""containerd runs, holds the pause image and finds its own shim before any other."""

import pytest

GROUPS = ("control_plane", "worker")
SERVICE = "containerd"
CLOSED = ["/etc/containerd/config.toml", "/etc/systemd/system/containerd.service"]


def test_containerd_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


@pytest.mark.parametrize("path", CLOSED)
def test_a_file_of_containerd_is_closed_to_others(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_the_version_is_the_one_that_was_wanted(host, variables):
    assert f"v{variables['artifacts']['containerd']['version']}" in host.check_output("ctr version")


def test_the_pause_image_is_on_the_host(host, variables):
    assert variables["images"]["pause"] in host.check_output("ctr --namespace=k8s.io images list --quiet").split()


def test_images_come_from_the_mirror_first(host, variables):
    file = host.file("/etc/containerd/certs.d/_default/hosts.toml")
    if variables["image_mirror"]:
        assert f'[host."{variables["image_mirror"]}"]' in file.content_string
    else:
        assert not file.exists


def test_only_root_reaches_the_runtime(host):
    assert host.file("/run/containerd/containerd.sock").mode & 0o007 == 0
    assert not [line for line in host.check_output("ss --listening --tcp --processes").splitlines()
                if '"containerd"' in line and "127.0.0.1" not in line]  # fmt: skip


def test_the_shim_is_found_in_our_folder_first(host):
    environment = host.check_output("systemctl show --property=Environment containerd")
    assert environment.startswith("Environment=PATH=/usr/local/bin:")
