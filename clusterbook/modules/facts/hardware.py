"""Memory, processors, disks and mounts."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List

from clusterbook.modules.facts.reading import names, text

DMI = {"bios_date": "bios_date", "bios_vendor": "bios_vendor", "bios_version": "bios_version",
       "board_name": "board_name", "board_vendor": "board_vendor", "board_version": "board_version",
       "board_serial": "board_serial", "board_asset_tag": "board_asset_tag", "chassis_vendor": "chassis_vendor",
       "chassis_version": "chassis_version", "chassis_serial": "chassis_serial",
       "chassis_asset_tag": "chassis_asset_tag", "product_name": "product_name", "product_serial": "product_serial",
       "product_uuid": "product_uuid", "product_version": "product_version", "system_vendor": "sys_vendor"}
MOUNT_KINDS = ("nfs", "nfs4", "cifs", "overlay", "zfs", "fuse.sshfs")


def memory() -> Dict[str, Any]:
    """Memory in MiB."""
    lines = dict(line.split(":", 1) for line in text("/proc/meminfo").splitlines() if ":" in line)
    size = {name: int(value.split()[0]) // 1024 for name, value in lines.items()}
    total, free = size.get("MemTotal", 0), size.get("MemFree", 0)
    idle = free + size.get("Buffers", 0) + size.get("Cached", 0)
    swap_total, swap_free = size.get("SwapTotal", 0), size.get("SwapFree", 0)
    return {
        "memtotal_mb": total, "memfree_mb": free, "swaptotal_mb": swap_total, "swapfree_mb": swap_free,
        "memory_mb": {"real": {"total": total, "free": free, "used": total - free},
                      "nocache": {"free": idle, "used": total - idle},
                      "swap": {"total": swap_total, "free": swap_free, "used": swap_total - swap_free,
                               "cached": size.get("SwapCached", 0)}},
    }


def processor() -> Dict[str, Any]:
    """Processors by /proc/cpuinfo. vcpus: threads of all of them; nproc: those that this process may use."""
    listed: List[str] = []
    sockets: Dict[str, int] = {}
    threads, cores, siblings = 0, 0, 0
    flags: List[str] = []
    for line in text("/proc/cpuinfo").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name in ("processor", "vendor_id", "model name", "Processor"):
            listed.append(value)
        threads += name == "processor"
        if name == "physical id":
            sockets[value] = sockets.get(value, 0) + 1
        elif name == "cpu cores":
            cores = int(value)
        elif name == "siblings":
            siblings = int(value)
        elif name in ("flags", "Features") and not flags:
            flags = value.split()
    count = len(sockets) or max(threads, 1)
    cores = cores or 1
    per_core = max(siblings // cores, 1) if siblings else 1
    return {
        "processor": listed, "processor_count": count, "processor_cores": cores,
        "processor_threads_per_core": per_core, "processor_vcpus": max(count * cores * per_core, threads, 1),
        "processor_nproc": len(os.sched_getaffinity(0)), "flags": flags,
    }


def uptime() -> Dict[str, Any]:
    """Seconds since boot and the load."""
    seconds = text("/proc/uptime").split(".")[0]
    found: Dict[str, Any] = {"uptime_seconds": int(seconds or 0)}
    if hasattr(os, "getloadavg"):
        one, five, fifteen = os.getloadavg()
        found["loadavg"] = {"1m": one, "5m": five, "15m": fifteen}
    return found


def firmware() -> Dict[str, Any]:
    """What the maker wrote into the machine; NA where nothing is told."""
    found = {name: text(f"/sys/class/dmi/id/{file}") or "NA" for name, file in DMI.items()}
    return {**found, "form_factor": "NA"}


def mounts() -> Dict[str, Any]:
    """Mounted disks and their sizes."""
    links = {os.path.realpath(f"/dev/disk/by-uuid/{name}"): name for name in names("/dev/disk/by-uuid")}
    found = []
    for line in text("/proc/mounts").splitlines():
        device, mount, kind, options = (unescaped(word) for word in line.split()[:4])
        if not device.startswith("/") and kind not in MOUNT_KINDS:
            continue
        entry: Dict[str, Any] = {"device": device, "mount": mount, "fstype": kind, "options": options, "dump": 0,
                                 "passno": 0, "uuid": links.get(os.path.realpath(device), "N/A")}
        try:
            size = os.statvfs(mount)
        except OSError:
            found.append(entry)
            continue
        entry.update(
            size_total=size.f_frsize * size.f_blocks, size_available=size.f_frsize * size.f_bavail,
            block_size=size.f_bsize, block_total=size.f_blocks, block_available=size.f_bavail,
            block_used=size.f_blocks - size.f_bavail, inode_total=size.f_files, inode_available=size.f_favail,
            inode_used=size.f_files - size.f_favail)
        found.append(entry)
    return {"mounts": found}


def unescaped(word: str) -> str:
    """A word of /proc/mounts, where blanks are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), word)


def devices() -> Dict[str, Any]:
    """Block devices with their partitions."""
    found: Dict[str, Any] = {}
    for name in names("/sys/block"):
        base = f"/sys/block/{name}"
        sectors, size = int(text(f"{base}/size") or 0), int(text(f"{base}/queue/logical_block_size") or 512)
        parts = {part: {"sectors": text(f"{base}/{part}/size"), "start": text(f"{base}/{part}/start"),
                        "size": human(int(text(f"{base}/{part}/size") or 0) * 512), "sectorsize": size}
                 for part in names(base) if part.startswith(name)}
        found[name] = {
            "size": human(sectors * 512), "sectors": str(sectors), "sectorsize": str(size), "partitions": parts,
            "model": text(f"{base}/device/model").strip() or None,
            "vendor": text(f"{base}/device/vendor").strip() or None,
            "removable": text(f"{base}/removable"), "rotational": text(f"{base}/queue/rotational"),
            "holders": names(f"{base}/holders"), "virtual": 1 if "/virtual/" in os.path.realpath(base) else 0,
        }
    return {"devices": found}


def human(size: int) -> str:
    """A size in the largest unit that fits."""
    for unit, factor in (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size:.2f} Bytes"
