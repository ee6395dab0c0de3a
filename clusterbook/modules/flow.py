"""Parameters of the modules that the interpreter runs itself; here so that playbooks are validated by one table."""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from clusterbook.modules.contract import Parameter, Specification

APPLY = Parameter("dict", "Keywords for every task that is included.")
PUBLIC = Parameter("bool", "Show the role's variables to later tasks.", default=False)
TASKS_FILE: Mapping[str, Parameter] = {
    "file": Parameter("path", "File of tasks, relative to the file that names it."),
    "_raw_params": Parameter("str", "The same as file."),
    "apply": APPLY,
}
ROLE: Mapping[str, Parameter] = {
    "name": Parameter("str", "Name of the role.", required=True),
    "apply": APPLY,
    "tasks_from": Parameter("str", "File in the role's tasks directory.", default="main"),
    "vars_from": Parameter("str", "File in the role's vars directory.", default="main"),
    "defaults_from": Parameter("str", "File in the role's defaults directory.", default="main"),
    "handlers_from": Parameter("str", "File in the role's handlers directory.", default="main"),
    "allow_duplicates": Parameter("bool", "Run the role again though it ran before.", default=True),
    "public": PUBLIC,
    "rolespec_validate": Parameter("bool", "Check the role's inputs against its argument specification.", default=True),
}
META_WORDS = (
    "flush_handlers", "refresh_inventory", "noop", "clear_facts", "clear_host_errors", "end_host", "end_play",
    "end_batch", "end_role", "reset_connection",
)
TABLES: Dict[str, Tuple[str, Mapping[str, Parameter], str]] = {
    "set_fact": ("Set variables of a host.", {
        "cacheable": Parameter("bool", "Keep the values in the fact cache.", default=False)}, ""),
    "set_stats": ("Keep statistics of the run.", {
        "data": Parameter("dict", "Values by name.", required=True),
        "per_host": Parameter("bool", "Keep them for this host alone.", default=False),
        "aggregate": Parameter("bool", "Add to what is there rather than replace it.", default=True)}, ""),
    "debug": ("Show a message or a variable.", {
        "msg": Parameter("raw", "The message.", default="Hello world!"),
        "var": Parameter("str", "Name of the variable to show."),
        "verbosity": Parameter("int", "Show only at this verbosity or above.", default=0)}, ""),
    "assert": ("Fail unless conditions hold.", {
        "that": Parameter("raw", "One condition or a list of them.", required=True),
        "fail_msg": Parameter("raw", "Message when one does not hold.", aliases=("msg",)),
        "success_msg": Parameter("raw", "Message when all hold."),
        "quiet": Parameter("bool", "Say nothing when all hold.", default=False)}, ""),
    "fail": ("Fail with a message.", {
        "msg": Parameter("str", "The message.", default="Failed as requested from task")}, ""),
    "meta": ("Steer the run itself.", {
        "free_form": Parameter("str", "What to do.", required=True, choices=META_WORDS)}, "free_form"),
    "pause": ("Wait for a time or for the person.", {
        "minutes": Parameter("float", "Minutes to wait."),
        "seconds": Parameter("float", "Seconds to wait."),
        "prompt": Parameter("str", "Text to show."),
        "echo": Parameter("bool", "Show what the person types.", default=True)}, ""),
    "wait_for_connection": ("Wait until a host can be reached: before its play, or after something restarted it.", {
        "delay": Parameter("int", "Seconds before it looks.", default=0),
        "timeout": Parameter("int", "Seconds after which the host counts as unreachable.", default=600),
        "sleep": Parameter("int", "Seconds between two tries; here one second.", default=1),
        "connect_timeout": Parameter("int", "Seconds that one try to connect may take.", default=5)}, ""),
    "add_host": ("Add a host to the inventory of this run.", {
        "name": Parameter("str", "The host's name.", required=True, aliases=("host", "hostname")),
        "groups": Parameter("list", "Groups to put it in.", elements="str", aliases=("group", "groupname"))}, ""),
    "group_by": ("Put hosts into groups by a value.", {
        "key": Parameter("str", "Name of the group.", required=True),
        "parents": Parameter("list", "Groups above it.", default="all", elements="str")}, ""),
    "include_tasks": ("Run a file of tasks, chosen during the run.", TASKS_FILE, "_raw_params"),
    "import_tasks": ("Put a file of tasks here, before the run.", TASKS_FILE, "_raw_params"),
    "include_role": ("Run a role, chosen during the run.", ROLE, ""),
    "import_role": ("Put a role here, before the run.", ROLE, ""),
    "import_playbook": ("Put the plays of another file here.", {
        "_raw_params": Parameter("str", "The playbook's path.", aliases=("file",))}, "_raw_params"),
    "include_vars": ("Load variables from files.", {
        "file": Parameter("path", "File of variables."),
        "_raw_params": Parameter("str", "The same as file."),
        "dir": Parameter("path", "Directory of such files."),
        "name": Parameter("str", "Variable that holds all of them."),
        "depth": Parameter("int", "Levels of directories to enter, 0 for all.", default=0),
        "files_matching": Parameter("str", "Regular expression that file names must match."),
        "ignore_files": Parameter("list", "File names to leave out.", elements="str"),
        "extensions": Parameter("list", "Endings of file names.", default=["json", "yaml", "yml"], elements="str"),
        "ignore_unknown_extensions": Parameter("bool", "Pass over other endings.", default=False),
        "hash_behaviour": Parameter("str", "How mappings combine.", choices=("replace", "merge"))}, "_raw_params"),
    "validate_argument_spec": ("Check values against a specification.", {
        "argument_spec": Parameter("dict", "Parameters by name.", required=True),
        "provided_arguments": Parameter("dict", "The values.", default={}),
        "validate_args_context": Parameter("dict", "Where the specification comes from.")}, ""),
}
OPEN = ("set_fact", "add_host")
EXCLUSIVE: Mapping[str, Tuple[Tuple[str, ...], ...]] = {"debug": (("msg", "var"),), "pause": (("minutes", "seconds"),)}

SPECIFICATIONS: Mapping[str, Specification] = {
    f"ansible.builtin.{name}": Specification(
        f"ansible.builtin.{name}", "flow", description, table, free_form,
        mutually_exclusive=EXCLUSIVE.get(name, ()), open=name in OPEN,
    )
    for name, (description, table, free_form) in TABLES.items()
}
