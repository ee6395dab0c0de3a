"""Look into the host's name service: users, groups, hosts, services …"""

from __future__ import annotations

from typing import Any, Dict

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System

NAME = "ansible.builtin.getent"
KIND = "query"
DESCRIPTION = "Look into the host's name service."
PARAMETERS = {
    "database": Parameter("str", "passwd, group, hosts, services …", required=True),
    "key": Parameter("str", "What to look for; everything by default."),
    "service": Parameter("str", "One source of the database."),
    "split": Parameter("str", "What separates the fields of a line."),
    "fail_key": Parameter("bool", "Fail when the key is not there.", default=True),
}
COLONS = ("passwd", "shadow", "group", "gshadow")


def run(arguments: Arguments, system: System) -> Outcome:
    """ansible_facts.getent_DATABASE: name -> the other fields."""
    database, key = arguments["database"], arguments["key"]
    words = ["getent", *(["-s", arguments["service"]] if arguments["service"] else []), database]
    done = system.query([*words, *([key] if key else [])])
    fact = f"getent_{database}"
    if done.returncode == 2 and not arguments["fail_key"]:
        return Outcome(values={"ansible_facts": {fact: {key: None}},
                               "msg": "One or more supplied key could not be found in the database."})
    if done.returncode:
        reasons = {1: "the database is unknown", 2: f"{key} is not in the database",
                   3: "the database cannot be listed as a whole"}
        raise ModuleFailed(f"getent {database}: {reasons.get(done.returncode, done.stderr.strip())}",
                           {"rc": done.returncode})
    separator = arguments["split"] or (":" if database in COLONS else None)
    found: Dict[str, Any] = {}
    seen: Dict[str, int] = {}
    for line in done.stdout.splitlines():
        fields = line.split(separator)
        if not fields:
            continue
        if fields[0] in seen:  # several lines of one name: Ansible gives a list of lists
            before = [found[fields[0]]] if seen[fields[0]] == 1 else found[fields[0]]
            found[fields[0]] = [*before, fields[1:]]
        else:
            found[fields[0]] = fields[1:]
        seen[fields[0]] = seen.get(fields[0], 0) + 1
    if system.predicting:
        predict(database, found, system)
    return Outcome(values={"ansible_facts": {fact: found}})


def predict(database: str, found: Dict[str, Any], system: System) -> None:
    """Accounts that earlier steps would make or remove make the answer doubtful."""
    changed = getattr(system.accounts, {"passwd": "users", "group": "groups"}.get(database, ""), None)
    for name in changed or ():
        system.doubts.append(f"{database} entry {name} is changed by a step that has not been applied")
