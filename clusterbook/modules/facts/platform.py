"""What the host is: kernel, distribution, names, managers, the user, the time, Python."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any, Dict

from clusterbook.modules.facts.reading import names, on_path, pairs, text

FAMILIES = {"Debian": ("debian", "ubuntu", "raspbian", "linuxmint", "kali"), "RedHat": (
    "rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn"), "Suse": ("sles", "opensuse-leap", "suse"),
    "Archlinux": ("arch",), "Alpine": ("alpine",)}
NAMES = {"debian": "Debian", "ubuntu": "Ubuntu", "rhel": "RedHat", "centos": "CentOS", "rocky": "Rocky",
         "almalinux": "AlmaLinux", "fedora": "Fedora", "amzn": "Amazon", "alpine": "Alpine", "arch": "Archlinux"}
MANAGERS = (("apt", "apt-get"), ("dnf5", "dnf5"), ("dnf", "dnf"), ("yum", "yum"), ("zypper", "zypper"), ("apk", "apk"),
            ("pacman", "pacman"))


def kernel() -> Dict[str, Any]:
    """Kernel, architecture and names of the host."""
    found = os.uname()
    nodename = found.nodename
    full = full_name(nodename)
    return {
        "system": found.sysname, "kernel": found.release, "kernel_version": found.version, "machine": found.machine,
        "architecture": found.machine, "userspace_bits": "64" if sys.maxsize > 2**32 else "32",
        "userspace_architecture": found.machine if sys.maxsize > 2**32 else "i386",
        "nodename": nodename, "hostname": nodename.split(".")[0], "fqdn": full,
        "domain": full.partition(".")[2], "machine_id": text("/etc/machine-id"),
    }


def full_name(nodename: str) -> str:
    """The name with its domain by /etc/hosts; name servers are not asked, as they may not answer."""
    short = nodename.split(".")[0]
    for line in text("/etc/hosts").splitlines():
        words = line.split("#")[0].split()
        if short in words[1:] or nodename in words[1:]:
            dotted = [word for word in words[1:] if word.startswith(short + ".")]
            if dotted:
                return dotted[0]
    return nodename


def distribution() -> Dict[str, Any]:
    """The distribution by /etc/os-release."""
    path = "/etc/os-release" if os.path.exists("/etc/os-release") else "/usr/lib/os-release"
    release = pairs(path)
    identity = release.get("ID", "")
    like = (identity, *release.get("ID_LIKE", "").split())
    family = next((name for name, ids in FAMILIES.items() if any(word in ids for word in like)), identity.title())
    version = release.get("VERSION_ID", "")
    if identity == "debian":
        version = next((line for line in text("/etc/debian_version").splitlines() if line[:1].isdigit()), version)
    codename = release.get("VERSION_CODENAME") or release.get("UBUNTU_CODENAME", "")
    if not codename:
        match = re.search(r"\((\w+)", release.get("VERSION", ""))
        codename = match.group(1) if match else ""
    major, _, minor = version.partition(".")
    return {
        "distribution": NAMES.get(identity, identity.title()), "distribution_version": version,
        "distribution_major_version": major, "distribution_minor_version": minor.partition(".")[0],
        "distribution_release": codename, "os_family": family, "distribution_file_path": path,
        "distribution_file_variety": NAMES.get(identity, identity.title()), "distribution_file_parsed": True,
    }


def lsb() -> Dict[str, Any]:
    """The same in the words of lsb_release."""
    found = distribution()
    description = pairs("/etc/os-release").get("PRETTY_NAME", "")
    version = pairs("/etc/os-release").get("VERSION_ID", found["distribution_version"])
    return {"lsb": {"id": found["distribution"], "codename": found["distribution_release"],
                    "release": version, "description": description,
                    "major_release": found["distribution_major_version"]}}


def managers() -> Dict[str, Any]:
    """Service manager (the first process) and package manager."""
    first = text("/proc/1/comm")
    service = "systemd" if first == "systemd" or os.path.isdir("/run/systemd/system") else first or "service"
    package = next((name for name, program in MANAGERS if on_path(program)), "unknown")
    return {"service_mgr": service, "pkg_mgr": package}


def user() -> Dict[str, Any]:
    """The user that steps run as."""
    import pwd

    found = pwd.getpwuid(os.getuid())
    return {
        "user_id": found.pw_name, "user_uid": found.pw_uid, "user_gid": found.pw_gid, "user_gecos": found.pw_gecos,
        "user_dir": found.pw_dir, "user_shell": found.pw_shell, "real_user_id": os.getuid(),
        "effective_user_id": os.geteuid(), "real_group_id": os.getgid(), "effective_group_id": os.getegid(),
    }


def environment() -> Dict[str, Any]:
    """Environment of the steps."""
    return {"env": dict(os.environ)}


def date_time() -> Dict[str, Any]:
    """The host's clock in every form that Ansible gives."""
    now = time.time()
    local, world = time.localtime(now), time.gmtime(now)
    return {"date_time": {
        "year": time.strftime("%Y", local), "month": time.strftime("%m", local), "day": time.strftime("%d", local),
        "weekday": time.strftime("%A", local), "weekday_number": time.strftime("%w", local),
        "weeknumber": time.strftime("%W", local), "hour": time.strftime("%H", local),
        "minute": time.strftime("%M", local), "second": time.strftime("%S", local),
        "epoch": str(int(now)), "epoch_int": str(int(now)), "date": time.strftime("%Y-%m-%d", local),
        "time": time.strftime("%H:%M:%S", local), "tz": time.strftime("%Z", local),
        "tz_dst": time.tzname[1], "tz_offset": time.strftime("%z", local),
        "iso8601": time.strftime("%Y-%m-%dT%H:%M:%SZ", world),
        "iso8601_micro": time.strftime("%Y-%m-%dT%H:%M:%S", world) + f".{int(now % 1 * 1e6):06d}Z",
        "iso8601_basic": time.strftime("%Y%m%dT%H%M%S", local) + f"{int(now % 1 * 1e6):06d}",
        "iso8601_basic_short": time.strftime("%Y%m%dT%H%M%S", local),
    }}


def python() -> Dict[str, Any]:
    """The interpreter that runs the agent."""
    version = sys.version_info
    return {"python_version": ".".join(map(str, version[:3])), "python": {
        "executable": sys.executable, "type": sys.implementation.name, "has_sslcontext": True,
        "version": {"major": version.major, "minor": version.minor, "micro": version.micro,
                    "releaselevel": version.releaselevel, "serial": version.serial},
        "version_info": list(version)}}


def security() -> Dict[str, Any]:
    """SELinux, AppArmor, FIPS."""
    selinux: Dict[str, Any] = {"status": "disabled"}
    enforcing = text("/sys/fs/selinux/enforce")
    if enforcing:
        selinux = {"status": "enabled", "mode": "enforcing" if enforcing == "1" else "permissive",
                   "policyvers": text("/sys/fs/selinux/policyvers"),
                   "type": pairs("/etc/selinux/config").get("SELINUXTYPE", "")}
    armour = "enabled" if os.path.isdir("/sys/kernel/security/apparmor") else "disabled"
    return {"selinux": selinux, "selinux_python_present": True, "apparmor": {"status": armour},
            "fips": text("/proc/sys/crypto/fips_enabled") == "1"}


def command_line() -> Dict[str, Any]:
    """The kernel's command line; of a repeated word proc_cmdline has every value."""
    single: Dict[str, Any] = {}
    every: Dict[str, Any] = {}
    for word in text("/proc/cmdline").split():
        name, middle, value = word.partition("=")
        content: Any = value if middle else True
        single[name] = content
        if name in every:
            every[name] = [*(every[name] if isinstance(every[name], list) else [every[name]]), content]
        else:
            every[name] = content
    return {"cmdline": single, "proc_cmdline": every}


def ssh_host_keys() -> Dict[str, Any]:
    """Public keys of the host's SSH server."""
    found = {}
    for name in names("/etc/ssh"):
        match = re.fullmatch(r"ssh_host_(\w+)_key\.pub", name)
        words = text(f"/etc/ssh/{name}").split() if match else []
        if match and len(words) > 1:
            found[f"ssh_host_key_{match.group(1)}_public"] = words[1]
            found[f"ssh_host_key_{match.group(1)}_public_keytype"] = words[0]
    return found


def virtualization() -> Dict[str, Any]:
    """What the host runs in, by the files that tell it."""
    container = text("/run/systemd/container") or ("docker" if os.path.exists("/.dockerenv") else "")
    product = text("/sys/class/dmi/id/product_name") + " " + text("/sys/class/dmi/id/sys_vendor")
    kind, role = "NA", "NA"
    for word, name in (("KVM", "kvm"), ("QEMU", "kvm"), ("Amazon EC2", "kvm"), ("VirtualBox", "virtualbox"),
                       ("VMware", "VMware"), ("Microsoft Corporation Virtual", "VirtualPC")):
        if word in product:
            kind, role = name, "guest"
            break
    else:
        if " hypervisor" in text("/proc/cpuinfo"):
            kind, role = "kvm", "guest"
    if container:
        kind, role = container, "guest"
    guests = [kind] if role == "guest" else []
    return {"virtualization_type": kind, "virtualization_role": role,
            "virtualization_tech_guest": guests + (["container"] if container else []),
            "virtualization_tech_host": ["kvm"] if os.path.exists("/dev/kvm") else []}


# Inodes of the root of a file system: ext2 and later, XFS, Btrfs.
_ROOTS = (2, 128, 256)


def chroot() -> Dict[str, Any]:
    """Whether / is another directory than the first process has; who may not see that goes by the inode."""
    own = os.stat("/")
    try:
        first = os.stat("/proc/1/root/.")
    except OSError:
        return {"is_chroot": own.st_ino not in _ROOTS}
    return {"is_chroot": (own.st_ino, own.st_dev) != (first.st_ino, first.st_dev)}
