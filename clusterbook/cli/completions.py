"""Scripts that complete tasks and options in a shell. They hold every name, so that no Python starts at a Tab."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from clusterbook.cli.listing import line, task_name
from clusterbook.cli.namespace import tasks

SHELLS = ("bash", "zsh", "fish")
# Options whose value is a file or a name from a folder of the project.
FOLDERS: Mapping[str, str] = {"inventory": "inventory", "playbook": "playbooks"}

_BASH = """\
# Completion of clusterbook for bash. Made by: clusterbook completion bash
_clusterbook() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} task= options= part
    COMPREPLY=()
    for part in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $part in -*) ;; *) task=$part; break ;; esac
    done
    case $before in
        --inventory) COMPREPLY=($(compgen -W "$(_clusterbook_names inventory)" -- "$word")); return ;;
        --playbook) COMPREPLY=($(compgen -W "$(_clusterbook_names playbooks)" -- "$word")); return ;;
    esac
    case $task in
        '') options='@TASKS@ --help --list --version' ;;
@CASES@
    esac
    if [[ $word == -* || -z $task ]]; then COMPREPLY=($(compgen -W "$options" -- "$word")); return; fi
    case $task in
        run|lint) COMPREPLY=($(compgen -W "$(_clusterbook_names playbooks)" -- "$word") $(compgen -f -- "$word")) ;;
        *) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
}
_clusterbook_names() {
    local file
    for file in "$1"/*.yml "$1"/*.ini; do [ -e "$file" ] && file=${file##*/} && echo "${file%.*}"; done
}
complete -o filenames -F _clusterbook clusterbook
"""
_ZSH = """\
#compdef clusterbook
# Completion of clusterbook for zsh. Made by: clusterbook completion zsh
_clusterbook_names() {
    local -a names
    names=($1/*.(yml|ini)(N:t:r))
    _describe 'name' names || _files
}
_clusterbook() {
    local -a tasks
    tasks=(
@TASKS@
    )
    if (( CURRENT == 2 )); then
        _describe 'task' tasks
        _arguments '--help[how to call a task]' '--list[every task]' '--version[the version]'
        return
    fi
    local task=$words[2]
    shift words
    (( CURRENT-- ))
    case $task in
@CASES@
    esac
}
if [ "$funcstack[1]" = _clusterbook ]; then _clusterbook "$@"; else compdef _clusterbook clusterbook; fi
"""


def script(shell: str) -> str:
    """The script for one of SHELLS."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()


def _known() -> dict[str, tuple[str, list[tuple[str, str, bool]]]]:
    """Task -> (its line of help, its options as (name, help, takes a value))."""
    return {
        task_name(task): (
            line(task),
            [(str(one.name), " ".join((one.help or "").split()), one.takes_value) for one in task.get_arguments()],
        )
        for _, group in tasks().values()
        for task in group
    }


def _bash() -> str:
    known = _known()
    cases = [f"        {name}) options='{' '.join(f'--{option}' for option, _, _ in options)} --help' ;;"
             for name, (_, options) in known.items()]  # fmt: skip
    return _BASH.replace("@TASKS@", " ".join(known)).replace("@CASES@", "\n".join(cases))


def _zsh() -> str:
    known = _known()
    described = [f"        {shlex.quote(f'{name}:{text}')}" for name, (text, _) in known.items()]
    cases = []
    for name, (_, options) in known.items():
        words = " ".join(_zsh_option(*option) for option in options)
        cases.append(f"        {name}) _arguments {words} '--help[how to call it]' '*:file:_files' ;;")
    return _ZSH.replace("@TASKS@", "\n".join(described)).replace("@CASES@", "\n".join(cases))


def _zsh_option(name: str, text: str, takes_value: bool) -> str:
    shown = text.replace("[", "(").replace("]", ")").replace(":", "")
    folder = FOLDERS.get(name)
    value = f":name:_clusterbook_names {folder}" if folder else ":value:_files"
    return shlex.quote(f"--{name}{'=' if takes_value else ''}[{shown}]{value if takes_value else ''}")


def _fish() -> str:
    lines = [
        "# Completion of clusterbook for fish. Made by: clusterbook completion fish",
        "function __clusterbook_names",
        "    for file in $argv[1]/*.yml $argv[1]/*.ini; string replace -r '.*/([^/]*)[.][^.]*$' '$1' $file; end",
        "end",
        "complete -c clusterbook -n __fish_use_subcommand -l list -d 'every task'",
        "complete -c clusterbook -n __fish_use_subcommand -l version -d 'the version'",
    ]
    for name, (text, options) in _known().items():
        lines.append(f"complete -c clusterbook -f -n __fish_use_subcommand -a {name} -d {_fish_quoted(text)}")
        for option, about, takes_value in options:
            folder = FOLDERS.get(option)
            value = f" -x -a '(__clusterbook_names {folder})'" if folder else " -r" if takes_value else " -f"
            seen = f"'__fish_seen_subcommand_from {name}'"
            lines.append(f"complete -c clusterbook -n {seen} -l {option}{value} -d {_fish_quoted(about)}")
    return "\n".join(lines) + "\n"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
