"""Steps after which the host may be gone: `reboot`, which sends it away, and `wait_for_connection`, which expects it.

The local machine is told before, and then connects again until the host is there. The next agent replays the plays
(see record.py), comes to the same step, finds that it was begun, and ends it.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict

from clusterbook.agent.link import Link
from clusterbook.agent.performer import KILLED
from clusterbook.agent.record import BEGUN, Record
from clusterbook.language.runtime import Call, Refused
from clusterbook.modules import registry
from clusterbook.modules.contract import Arguments, ModuleFailed
from clusterbook.modules.parameters import coerce
from clusterbook.records import replace

REBOOT, WAIT = "ansible.builtin.reboot", "ansible.builtin.wait_for_connection"
SHELL = "ansible.builtin.shell"
TEST_SECONDS = 1.0
Result = Dict[str, Any]


class Absences:
    """Carries out such steps on a host."""

    def __init__(self, link: Link, record: Record, run: Callable[[Call], Result]) -> None:
        """run: a module as the step's user; what it returns is not kept."""
        self._link, self._record, self._run = link, record, run

    def carry_out(self, call: Call) -> Result:
        """The step's result. Raises Stopped when the host goes away."""
        known = self._record.known()
        if known is not None and BEGUN not in known:
            return known
        begun = None if known is None else known[BEGUN]
        try:
            arguments = coerce(registry.specification(call.module), call.arguments)
            work = self._reboot if call.module == REBOOT else self._wait
            result = {"failed": False, **work(call, arguments, begun)}
        except ModuleFailed as failure:
            step = {"next_step": failure.next_step} if failure.next_step else {}
            result = {"changed": False, **failure.values, "failed": True, "msg": failure.message, **step}
        except Refused as refusal:
            result = {"changed": False, "failed": True, "msg": str(refusal)}
        self._record.finish(result)
        return result

    def _wait(self, call: Call, arguments: Arguments, begun: Any) -> Result:
        """Who runs this has a connection; it may be lost while the delay goes on."""
        passed = self._announce(call, arguments["timeout"], arguments["delay"], arguments["connect_timeout"], begun)
        if begun is None:
            self._record.start(True)
        started = time.monotonic()
        self._link.pause(arguments["delay"] - passed)
        return {"changed": False, "elapsed": int(passed + time.monotonic() - started)}

    def _reboot(self, call: Call, arguments: Arguments, begun: Any) -> Result:
        """Send the host away; once it is back, see that it is."""
        if begun is None:
            self._send_away(call, arguments)
        passed, started = self._may_be_gone(call, arguments, begun), time.monotonic()
        if self._boot(call, arguments) == begun:
            self._not_yet(arguments, begun, passed)
        self._test(call, arguments, passed)
        return {"changed": True, "rebooted": True, "elapsed": int(passed + time.monotonic() - started)}

    def _send_away(self, call: Call, arguments: Arguments) -> None:
        """Raises Stopped when it is on its way, else ModuleFailed."""
        if self._link.here:
            raise ModuleFailed("Running reboot with local connection would reboot the control node.",
                               {"rebooted": False, "elapsed": 0})
        boot = self._boot(call, arguments)
        self._may_be_gone(call, arguments, None)
        self._record.start(boot)
        self._link.pause(arguments["pre_reboot_delay"])
        done = self._run(call)
        if done.get("failed") and done.get("msg") != KILLED["msg"]:  # what goes down kills the program that ordered it
            raise ModuleFailed(str(done.get("msg")), {"rebooted": False, "elapsed": 0, "rc": done.get("rc", -1)})
        self._link.leave()

    def _not_yet(self, arguments: Arguments, begun: Any, passed: float) -> None:
        """The host is there because it has not gone down: go, and be started again, until its time is over."""
        limit = arguments["reboot_timeout"]
        if passed < limit:
            self._link.leave()
        raise ModuleFailed(
            f"the host was told to reboot and did not within {limit} s: {arguments['boot_time_command']!r} still says "
            f"{begun!r}", {"rebooted": False, "elapsed": int(passed)},
            "See what holds it up there: systemctl list-jobs, systemd-inhibit --list.",
        )

    def _test(self, call: Call, arguments: Arguments, passed: float) -> None:
        """Until test_command succeeds; it has as much time as the reboot."""
        started, limit = time.monotonic(), arguments["reboot_timeout"]
        while True:
            done = self._shell(call, arguments["test_command"])
            if not done.get("failed"):
                return
            waited = time.monotonic() - started
            if waited >= limit:
                said = str(done.get("stderr") or done.get("msg", "")).strip()
                raise ModuleFailed(
                    f"the host rebooted, but {arguments['test_command']!r} did not succeed within {limit} s: {said}",
                    {"rebooted": True, "elapsed": int(passed + waited)})
            self._link.pause(TEST_SECONDS)

    def _boot(self, call: Call, arguments: Arguments) -> str:
        """What tells one boot from another."""
        done = self._shell(call, arguments["boot_time_command"])
        if done.get("failed"):
            said = str(done.get("stderr") or done.get("msg", "")).strip()
            raise ModuleFailed(f"boot_time_command {arguments['boot_time_command']!r} failed: {said}",
                               {"rebooted": False, "elapsed": 0, "rc": done.get("rc", -1)})
        return str(done.get("stdout", "")).strip()

    def _shell(self, call: Call, text: str) -> Result:
        return self._run(replace(call, module=SHELL, arguments={"_raw_params": text}, notify=(), shown=False))

    def _may_be_gone(self, call: Call, arguments: Arguments, begun: Any) -> float:
        limits = (arguments["reboot_timeout"], arguments["post_reboot_delay"], arguments["connect_timeout"] or 0)
        return self._announce(call, *limits, begun)

    def _announce(self, call: Call, limit: float, delay: float, connect: float, begun: Any) -> float:
        """Tell the local machine; seconds since it was told so first. Raises Refused."""
        return float(self._link.ask("away", step=call.step, limit=limit, delay=delay, connect=connect,
                                    again=begun is not None))
