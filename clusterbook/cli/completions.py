"""Scripts that complete tasks and options in a shell. They hold every name, so that no Python starts at a Tab."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from clusterbook.cli.listing import line, task_name
from clusterbook.cli.namespace import tasks

SHELLS = ("bash", "zsh", "fish")
# Options whose value is a file or a name from a folder of the project.
FOLDERS: Mapping[str, str] = {"inventory": "inventory", "playbook": "playbooks"}
# Tasks whose word is the name of a playbook, or a file.
NAMED = ("run", "lint")
# What tasks.py of a project of clusterbook has, and one to which a person added tasks.
_MARK, _OWN = "clusterbook.cli.namespace", "namespace.add_"

_BASH = """\
# Completion of clusterbook for bash, and of invoke in projects of clusterbook. Made by: clusterbook completion bash
_clusterbook() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} task= options= part
    COMPREPLY=()
    # bash takes --inventory=here for three words.
    [[ $word == = ]] && word=
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}
    for part in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $part in -*) ;; *) task=$part; break ;; esac
    done
    case $before in
        --inventory) COMPREPLY=($(compgen -W "$(_clusterbook_names inventory)" -- "$word")); return 0 ;;
        --playbook) COMPREPLY=($(compgen -W "$(_clusterbook_names playbooks)" -- "$word")); return 0 ;;
    esac
    case $task in
        '') options='@TASKS@ --help --list --version' ;;
@CASES@
        *) return 1 ;;
    esac
    if [[ $word == -* || -z $task ]]; then COMPREPLY=($(compgen -W "$options" -- "$word")); return 0; fi
    compopt -o filenames 2>/dev/null
    case $task in
        @NAMED@) COMPREPLY=($(compgen -W "$(_clusterbook_names playbooks)" -- "$word") $(compgen -f -- "$word")) ;;
        *) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
    return 0
}
_clusterbook_names() {
    local file
    for file in "$1"/*.yml "$1"/*.ini; do [ -e "$file" ] && file=${file##*/} && echo "${file%.*}"; done
}
# Tasks of clusterbook where tasks.py has them; elsewhere, and for a person's own, what Invoke's script offers.
_clusterbook_invoke() {
    local folder=$PWD text=
    while [[ -n $folder && ! -f $folder/tasks.py ]]; do folder=${folder%/*}; done
    [[ -f $folder/tasks.py ]] && text=$(<"$folder/tasks.py")
    if [[ $text == *@MARK@* && ${COMP_WORDS[1]} != -* ]]; then
        [[ $COMP_CWORD == 1 && $text == *@OWN@* ]] || ! _clusterbook || return 0
    fi
    COMPREPLY=($(compgen -W "$("$1" --complete -- invoke "${COMP_WORDS[@]:1}" 2>/dev/null)" -- "$2"))
}
complete -o default -F _clusterbook clusterbook
complete -o default -F _clusterbook_invoke invoke inv
"""
_ZSH = """\
#compdef clusterbook invoke inv
# Completion of clusterbook for zsh, and of invoke in projects of clusterbook. Made by: clusterbook completion zsh
_clusterbook_names() {
    local -a names
    names=($1/*.(yml|ini)(N:t:r))
    _describe 'name' names || _files
}
_clusterbook_tasks() {
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
# Tasks of clusterbook where tasks.py has them; elsewhere, and for a person's own, what Invoke's script offers.
_clusterbook_invoke() {
    local folder=$PWD text=
    while [[ -n $folder && ! -f $folder/tasks.py ]]; do folder=${folder%/*}; done
    [[ -f $folder/tasks.py ]] && text=$(<$folder/tasks.py)
    if [[ $text == *@MARK@* && $words[2] != -* && ( $CURRENT -gt 2 || $text != *@OWN@* ) ]]; then
        [[ $CURRENT -gt 2 && " @NAMES@ " != *" $words[2] "* ]] || { _clusterbook_tasks; return }
    fi
    local -a found
    found=(${(f)"$($words[1] --complete -- invoke $words[2,CURRENT] 2>/dev/null)"})
    compadd -- $found || _files
}
_clusterbook() {
    if [[ $service == clusterbook ]]; then _clusterbook_tasks; else _clusterbook_invoke; fi
}
if [ "$funcstack[1]" = _clusterbook ]; then _clusterbook "$@"; else compdef _clusterbook clusterbook invoke inv; fi
"""
_FISH = """\
# Completion of clusterbook for fish, and of invoke in projects of clusterbook. Made by: clusterbook completion fish
function __clusterbook_names
    for file in $argv[1]/*.yml $argv[1]/*.ini; string replace -r '.*/([^/]*)[.][^.]*$' '$1' $file; end
end
# Tasks of clusterbook where tasks.py has them; elsewhere, and for a person's own, what Invoke's script offers.
function __clusterbook_invoke
    set -l words (commandline -opc) (commandline -ct)
    set -l folder $PWD
    while test -n "$folder"; and not test -f $folder/tasks.py; set folder (string replace -r '/[^/]*$' '' $folder); end
    set -l text (test -f $folder/tasks.py; and cat $folder/tasks.py)
    if string match -q '*@MARK@*' "$text"; and not string match -q -- '-*' $words[2]
        if test (count $words) -eq 2; and not string match -q '*@OWN@*' "$text"; or contains -- $words[2] @NAMES@
            complete --do-complete (string replace -r '^\\s*\\S+' clusterbook -- (commandline -cp))
            return
        end
    end
    set -l found ($words[1] --complete -- invoke $words[2..-1] 2>/dev/null)
    if set -q found[1]; string join \\n -- $found; else; __fish_complete_path $words[-1]; end
end
complete -c invoke -f -a '(__clusterbook_invoke)'
complete -c inv -f -a '(__clusterbook_invoke)'
complete -c clusterbook -n __fish_use_subcommand -l list -d 'every task'
complete -c clusterbook -n __fish_use_subcommand -l version -d 'the version'
complete -c clusterbook -n '__fish_seen_subcommand_from @NAMED@' -a '(__clusterbook_names playbooks)'
"""


def script(shell: str) -> str:
    """The script for one of SHELLS."""
    text = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()
    return text.replace("@MARK@", _MARK).replace("@OWN@", _OWN).replace("@NAMES@", " ".join(_known()))


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
    text = _BASH.replace("@NAMED@", "|".join(NAMED))
    return text.replace("@TASKS@", " ".join(known)).replace("@CASES@", "\n".join(cases))


def _zsh() -> str:
    known = _known()
    described = [f"        {shlex.quote(f'{name}:{text}')}" for name, (text, _) in known.items()]
    cases = []
    for name, (_, options) in known.items():
        words = " ".join(_zsh_option(*option) for option in options)
        rest = "*:playbook: _clusterbook_names playbooks" if name in NAMED else "*:file:_files"
        cases.append(f"        {name}) _arguments {words} '--help[how to call it]' '{rest}' ;;")
    return _ZSH.replace("@TASKS@", "\n".join(described)).replace("@CASES@", "\n".join(cases))


def _zsh_option(name: str, text: str, takes_value: bool) -> str:
    shown = text.replace("[", "(").replace("]", ")").replace(":", "")
    folder = FOLDERS.get(name)
    # Without its blank, zsh would put words of its own before the folder.
    value = f":name: _clusterbook_names {folder}" if folder else ":value:_files"
    return shlex.quote(f"--{name}{'=' if takes_value else ''}[{shown}]{value if takes_value else ''}")


def _fish() -> str:
    lines = [_FISH.replace("@NAMED@", " ".join(NAMED)).rstrip()]
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
