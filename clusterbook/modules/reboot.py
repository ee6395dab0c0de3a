"""Reboot the host and wait until it is back. The agent goes with the host; see agent/absences.py."""

from __future__ import annotations

import os
import shlex
from typing import List

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.reboot"
KIND = "action"
DESCRIPTION = ("Reboot the host, wait until it is back, and go on with the play: what was registered, facts and "
               "notified handlers stay. Not with delegate_to, nor on the machine that runs the play.")
PARAMETERS = {
    "pre_reboot_delay": Parameter("int", "Seconds before it goes down; a run that is stopped by then reboots nothing.",
                                  default=0),
    "post_reboot_delay": Parameter("int", "Seconds before it is looked for.", default=0),
    "reboot_timeout": Parameter("int", "Seconds that it may take to come back, and as many for test_command.",
                                default=600),
    "connect_timeout": Parameter("int", "Seconds that one try to connect may take; the connection's own without it."),
    "test_command": Parameter("str", "Command that must succeed afterwards.", default="whoami"),
    "msg": Parameter("str", "Message to those who are logged in.", default="Reboot initiated by clusterbook"),
    "search_paths": Parameter("list", "Where the reboot command may be.", elements="str",
                              default=["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"]),
    "boot_time_command": Parameter("str", "Command whose output changes with a boot.",
                                   default="cat /proc/sys/kernel/random/boot_id"),
    "reboot_command": Parameter("str", "Command that reboots, instead of `shutdown -r now MSG`."),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """Order the reboot, no more. A command that the host's going down ends has done its work."""
    argv = order(arguments)
    done = system.execute(argv)
    if done.returncode > 0:
        said = (done.stderr or done.stdout).strip()
        raise ModuleFailed(f"the reboot command {shlex.join(argv)!r} failed: {said}", {"rc": done.returncode})
    return Outcome(True, {"rc": 0})


def check(arguments: Arguments, system: System) -> Outcome:
    """It would reboot."""
    return Outcome(True, {"rebooted": True, "elapsed": 0})


def order(arguments: Arguments) -> List[str]:
    """The command, its program found in search_paths. Raises ModuleFailed."""
    argv = shlex.split(arguments["reboot_command"] or "") or ["shutdown", "-r", "now", arguments["msg"]]
    if os.path.isabs(argv[0]):
        return argv
    places = [os.path.join(folder, argv[0]) for folder in arguments["search_paths"]]
    found = next((place for place in places if os.access(place, os.X_OK) and not os.path.isdir(place)), None)
    if found is None:
        raise ModuleFailed(f"there is no {argv[0]!r} in {', '.join(arguments['search_paths'])}", {"rc": 127},
                           "Name the directory in search_paths, or the whole command in reboot_command.")
    return [found, *argv[1:]]
