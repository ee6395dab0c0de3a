"""Reboot the host. The connection ends with it; waiting for the host is not there yet."""

from __future__ import annotations

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.reboot"
KIND = "action"
DESCRIPTION = "Order a reboot. Waiting for the host is not there yet: its connection, and so its play, end."
PARAMETERS = {
    "pre_reboot_delay": Parameter("int", "Seconds before it goes down.", default=0),
    "post_reboot_delay": Parameter("int", "Seconds after it is back.", default=0),
    "reboot_timeout": Parameter("int", "Seconds to wait for it.", default=600),
    "connect_timeout": Parameter("int", "Seconds that one connection may take."),
    "test_command": Parameter("str", "Command that must succeed afterwards.", default="whoami"),
    "msg": Parameter("str", "Message to those who are logged in.", default="Reboot initiated by clusterbook"),
    "search_paths": Parameter("list", "Where shutdown may be.", elements="str",
                              default=["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"]),
    "boot_time_command": Parameter("str", "Command whose output changes with a boot.",
                                   default="cat /proc/sys/kernel/random/boot_id"),
    "reboot_command": Parameter("str", "Command that reboots."),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """Order the reboot a moment from now; `_boot_id` lets the engine see that it happened."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    command = arguments["reboot_command"] or "systemctl reboot"
    delay = max(arguments["pre_reboot_delay"], 1)
    done = system.execute(["systemd-run", "--quiet", "--collect", f"--on-active={delay}", "/bin/sh", "-c", command])
    if done.returncode:
        raise ModuleFailed(f"the reboot cannot be ordered: {done.stderr.strip()}",
                           {"rc": done.returncode, "rebooted": False})
    return Outcome(True, {"rebooted": True, "_boot_id": boot, "elapsed": 0})


def check(arguments: Arguments, system: System) -> Outcome:
    """It would reboot."""
    return Outcome(True, {"rebooted": True, "elapsed": 0})
