"""What a rule finds, and which rules there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterbook.errors import Position

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Rule:
    """One rule. about: what it finds, in one sentence for the reference."""

    severity: str
    about: str


@dataclass(frozen=True)
class Finding:
    """One place that a rule speaks of. rule: a key of RULES."""

    rule: str
    message: str
    where: Position
    next_step: str

    @property
    def severity(self) -> str:
        """error: it cannot work, or not as written; warning: it works but will surprise."""
        return RULES[self.rule].severity


RULES: Mapping[str, Rule] = {
    "invalid": Rule(ERROR, "What no run accepts: unknown keys, modules and parameters, wrong types, files that are "
                           "not there."),
    "invalid-expression": Rule(ERROR, "An expression that does not parse, or a filter or test that does not exist."),
    "undefined-variable": Rule(WARNING, "A variable that no role, play, task, inventory or cluster sets, and that has "
                                        "no default."),
    "unused-variable": Rule(WARNING, "A variable of a role or a play that nothing reads."),
    "unused-register": Rule(WARNING, "A registered result that nothing reads."),
    "unused-handler": Rule(WARNING, "A handler that nothing notifies."),
    "unused-task-file": Rule(WARNING, "A file in a role's tasks/ that nothing includes."),
    "unreachable-task": Rule(WARNING, "A task that cannot run: its condition is always false, or a task before it "
                                      "always ends the play or fails."),
    "command-instead-of-module": Rule(WARNING, "A command for which there is a module: that one shows beforehand what "
                                               "it would change."),
    "command-instead-of-shell": Rule(WARNING, "A shell for a command that uses nothing of a shell."),
    "always-changes": Rule(WARNING, "A command that says 'changed' in every run, for nothing tells when it need not "
                                    "run."),
    "risky-shell-pipe": Rule(WARNING, "A pipe in a shell whose first commands may fail unseen."),
    "risky-file-mode": Rule(WARNING, "A mode that lets everybody write, that is no octal number, or that is missing "
                                     "where a file is made."),
    "missing-name": Rule(WARNING, "A play or a task without a name: runs and reports show names."),
    "deprecated-name": Rule(WARNING, "A name that still works and has a successor."),
    "braces-in-condition": Rule(WARNING, "Braces in a condition, which is an expression already."),
    "become-user-without-become": Rule(ERROR, "become_user without become: the task runs as somebody else."),
    "ignored-errors": Rule(WARNING, "ignore_errors without looking at the result: every failure is hidden."),
    "latest-package": Rule(WARNING, "state: latest, so that what a run installs depends on its day."),
}  # fmt: skip
