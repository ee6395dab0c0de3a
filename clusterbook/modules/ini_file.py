"""Options in files of sections, as INI files are."""

from __future__ import annotations

from typing import Any, Dict, List

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.ini_text import Wanted, edited
from clusterbook.modules.ownership import FILE_PARAMETERS, path_values
from clusterbook.modules.system import System
from clusterbook.modules.textfile import apply_text, observe_text, text_changes

NAME = "community.general.ini_file"
KIND = "state"
DESCRIPTION = "Set and remove options in files of sections."
PARAMETERS = {
    "path": Parameter("path", "The file.", required=True, aliases=("dest",)),
    "section": Parameter("str", "The section; without one the lines before the first section."),
    "section_has_values": Parameter("list", "Only the section that holds these: option, and value or values.",
                                    elements="dict"),
    "option": Parameter("str", "The option; without one the section itself is meant."),
    "value": Parameter("str", "Its value."),
    "values": Parameter("list", "Its values, each on a line of its own.", elements="str"),
    "state": Parameter("str", "Whether it is there.", default="present", choices=("absent", "present")),
    "exclusive": Parameter("bool", "Remove other values of the option.", default=True),
    "allow_no_value": Parameter("bool", "The option stands alone, without a value.", default=False),
    "no_extra_spaces": Parameter("bool", "No blanks around the equals sign.", default=False),
    "ignore_spaces": Parameter("bool", "A line that differs in blanks only is left as it is.", default=False),
    "modify_inactive_option": Parameter("bool", "Use a commented line of the option for it.", default=True),
    "create": Parameter("bool", "Make the file when it is missing.", default=True),
    "backup": Parameter("bool", "Keep the old file under a name with the time.", default=False),
    "follow": Parameter("bool", "Accepted; links are always written through.", default=False),
    **FILE_PARAMETERS,
}
MUTUALLY_EXCLUSIVE = (("value", "values"),)


def observe(arguments: Arguments, system: System) -> State:
    """The text as it is and as it shall be."""
    values = arguments["values"] if arguments["value"] is None else [arguments["value"]]
    if arguments["state"] == "present" and arguments["option"] and not values and not arguments["allow_no_value"]:
        raise ModuleFailed("option needs value or values, or allow_no_value: true", next_step="Add value to the step.")
    wanted = Wanted(
        arguments["section"], arguments["option"], tuple(values or ()), arguments["state"] == "present",
        arguments["exclusive"], arguments["allow_no_value"], "=" if arguments["no_extra_spaces"] else " = ",
        arguments["ignore_spaces"], arguments["modify_inactive_option"],
        tuple(condition(item) for item in arguments["section_has_values"] or ()),
    )
    said: List[str] = []

    def edit(text: str) -> str:
        """The new text; what happened is kept for the message."""
        new, message = edited(text, wanted)
        said.append(message)
        return new

    create = arguments["create"] and wanted.present
    state = observe_text({**arguments, "encoding": "utf-8"}, system, edit, create, wanted.present)
    return {**state, "message": said[-1] if said else "OK"}


def condition(item: Dict[str, Any]) -> "tuple[str, tuple[str, ...]]":
    """One item of section_has_values: (option, values)."""
    if "option" not in item:
        raise ModuleFailed("section_has_values has an item without option")
    values = item.get("values") or ([item["value"]] if item.get("value") is not None else [])
    return str(item["option"]), tuple(str(value) for value in values)


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What differs."""
    return text_changes(arguments, state)


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Write it."""
    apply_text({**arguments, "encoding": "utf-8", "validate": None}, state, system)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    values: Dict[str, Any] = {"path": arguments["path"], "msg": before["message"], **path_values(after)}
    if before.get("backup_file"):
        values["backup_file"] = before["backup_file"]
    return values
