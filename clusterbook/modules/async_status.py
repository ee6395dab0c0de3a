"""Ask for a step that runs in the background."""

from __future__ import annotations

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.async_status"
KIND = "query"
DESCRIPTION = "Ask for a step that runs in the background, or forget it."
PARAMETERS = {
    "jid": Parameter("str", "The job's name, as `ansible_job_id` of the step that started it.", required=True),
    "mode": Parameter("str", "status: whether it has ended, and its result; cleanup: forget it.", default="status",
                      choices=("cleanup", "status")),
}


def run(arguments: Arguments, system: System) -> Outcome:
    """started, finished, results_file and, once it has ended, everything that the step returned."""
    found = system.job(arguments["jid"], arguments["mode"] == "cleanup")
    changed, failed = bool(found.pop("changed", False)), bool(found.pop("failed", False))
    if arguments["mode"] == "cleanup":
        found = {"started": False, "finished": False, "stdout": "", "stderr": "", "stdout_lines": [],
                 "stderr_lines": [], **found}
    if failed:
        raise ModuleFailed(str(found.get("msg", "the job failed")), {**found, "changed": changed})
    return Outcome(changed, found)
