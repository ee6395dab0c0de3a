"""A box for vagrant-libvirt, made here: a plain Debian 12 with a kernel of its own, started without a boot loader."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from clusterbook.cluster.artifacts import debian_mirrors
from clusterbook.lab.command import run

NAME = "clusterbook/debian"
GIGABYTES = 12
# What Debian's own boxes have, too; what Kubernetes needs beyond it is left to the playbooks.
PACKAGES = ("ca-certificates", "dbus", "ifupdown", "iproute2", "isc-dhcp-client", "kmod", "linux-image-cloud-amd64",
            "openssh-server", "python3", "python3-apt", "sudo", "systemd-sysv", "udev")  # fmt: skip
UNITS = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer", "dpkg-db-backup.timer")
FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/machine-id": "",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n",
    "etc/sudoers.d/vagrant": "vagrant ALL=(ALL) NOPASSWD: ALL\n",
    "etc/apt/apt.conf.d/90languages": 'Acquire::Languages "none";\n',
}
# Everything about emulation is the box's; the project's Vagrantfile knows nothing of it.
VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  config.vm.boot_timeout = 900
  config.vm.provider "libvirt" do |libvirt|
    libvirt.driver = "qemu"
    libvirt.cpu_mode = "maximum"
    libvirt.kernel = File.join(__dir__, "vmlinuz")
    libvirt.initrd = File.join(__dir__, "initrd")
    libvirt.cmd_line = "root=/dev/vda console=ttyS0 net.ifnames=0 mitigations=off"
  end
end
"""


def build(folder: Path, package_cache: str) -> Path:
    """The box's file, made below this folder. package_cache: http://ADDRESS:PORT that the machines' apt asks."""
    root, sources, box = folder / "root", folder / "sources.list", folder / "box"
    sources.write_text(debian_mirrors.sources("debian-12", debian_mirrors.mirrors()))
    run(["mmdebstrap", "--variant=apt", "--skip=check/empty,cleanup/apt/lists", f"--include={','.join(PACKAGES)}",
         '--aptopt=Acquire::Languages "none"', "bookworm", str(root), str(sources)], seconds=1200)  # fmt: skip
    _furnish(root, {**FILES, "etc/apt/sources.list": sources.read_text(),
                    "etc/apt/apt.conf.d/91cache": f'Acquire::http::Proxy "{package_cache}";\n'})  # fmt: skip
    box.mkdir()
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        shutil.copy(next((root / "boot").glob(pattern)), box / name)
    disk = folder / "disk.img"
    disk.touch()
    os.truncate(disk, GIGABYTES << 30)
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(root), str(disk)], seconds=600)
    run(["qemu-img", "convert", "-O", "qcow2", str(disk), str(box / "box.img")], seconds=600)
    (box / "Vagrantfile").write_text(VAGRANTFILE)
    (box / "metadata.json").write_text(
        json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": GIGABYTES})
    )
    packed = folder / "debian.box"
    run(["tar", "-C", str(box), "-cf", str(packed), *sorted(path.name for path in box.iterdir())], seconds=600)
    for left in (root, box):
        shutil.rmtree(left)
    disk.unlink()
    return packed


def _furnish(root: Path, files: Mapping[str, str]) -> None:
    """Vagrant's user with Vagrant's well-known key, and files."""
    run(["chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", "vagrant"])
    ssh = root / "home/vagrant/.ssh"
    ssh.mkdir(mode=0o700)
    shutil.copy(_public_key(), ssh / "authorized_keys")
    run(["chroot", str(root), "chown", "-R", "vagrant:", "/home/vagrant/.ssh"])
    for name, text in files.items():
        (root / name).write_text(text)
    (root / "etc/sudoers.d/vagrant").chmod(0o440)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    run(["chroot", str(root), "systemctl", "mask", *UNITS])


def _public_key() -> Path:
    """Debian's vagrant has it among its gem's files."""
    return next(Path("/usr/share/rubygems-integration").glob("all/gems/vagrant-*/keys/vagrant.pub"))
