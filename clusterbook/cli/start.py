"""Tasks for the first minutes: a new project, whether this machine is fit, what is installed, completion."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from invoke.context import Context

from clusterbook import __version__
from clusterbook.cli import beginning, completions, fitness, inventory_of_parts, places
from clusterbook.cli.boundary import command
from clusterbook.cli.screen import plural, print_json, print_table, say
from clusterbook.errors import InvalidInput


@command(
    positional=["folder"],
    help={
        "folder": "where the project shall be; made when it is not there",
        "control_plane": "addresses of the control planes, separated by commas",
        "worker": "addresses of the workers, separated by commas",
        "user": "who logs in on the hosts and may use sudo (default: root)",
        "api_address": "free address of their network that several control planes share (default: the only one's)",
    },
)
def init(
    _: Context, folder: str, control_plane: str = "", worker: str = "", user: str = "root", api_address: str = ""
) -> None:
    """Make a project's folder: inventory, first playbook, schemas for your editor.

    Files that are there already stay as they are.

    Example: invoke init my-cluster --control-plane 192.0.2.11 --worker 192.0.2.21,192.0.2.22 --user admin
    """
    root = Path(folder)
    made = beginning.make(root, _listed(control_plane), _listed(worker), user, api_address)
    for path in made:
        if "schemas" not in path.parts:
            print(f"  {places.shown(path)}")
    print(f"{plural(len(made), 'file')} written to {root}. Next:")
    name, examples = beginning.name_of(root), not control_plane
    steps = {
        f"cd {folder}": "",
        "clusterbook run hello --inventory here --check": "a first playbook, on this machine",
        f"$EDITOR inventory/{name}.yml": "the addresses of your hosts" if examples else None,
        "sudo $(command -v clusterbook) mirror --start --address ADDRESS": "gives hosts their binaries",
        f"clusterbook plan --inventory {name}": "what a cluster would change on your hosts",
    }
    for step, why in steps.items():
        if why is not None:
            print(f"  {step:<64} # {why}" if why else f"  {step}")


@command(help={"json": "show the result as JSON"})
def self_check(_: Context, json_: bool = False) -> int:
    """Look whether this machine and this installation are fit.

    Exit status 1 when something is missing. Nothing is changed, no host is asked.

    Example: invoke self-check
    """
    found = fitness.checks()
    if json_:
        print_json([{"what": one.what, "ok": one.ok, "found": one.found, "next_step": one.next_step} for one in found])
    else:
        print_table(("WHAT", "STATE", "FOUND"), [(one.what, "ok" if one.ok else "MISSING", one.found) for one in found])
        for one in found:
            if not one.ok:
                say(f"  next: {one.next_step}")
    return 0 if all(one.ok for one in found) else 1


@command(help={"sbom": "write what is installed as a CycloneDX document into this file", "json": "show it as JSON"})
def version(_: Context, sbom: str = "", json_: bool = False) -> None:
    """Tell the version; with --sbom, every library with its licence too.

    Example: invoke version
    Example: invoke version --sbom clusterbook.cdx.json
    """
    if sbom:
        document = inventory_of_parts.document()
        places.write(Path(sbom), json.dumps(document, indent=2) + "\n")
    elif json_:
        print_json({"version": __version__, "python": platform.python_version(), "platform": platform.platform()})
    else:
        print(f"clusterbook {__version__} on Python {platform.python_version()}, {platform.platform()}")


@command(positional=["shell"], help={"shell": "bash, zsh or fish"})
def completion(_: Context, shell: str) -> None:
    """Print the script by which a shell completes tasks and options.

    It is for `clusterbook`, and for `invoke` in projects of clusterbook; other projects are completed as Invoke does.
    bash and fish look for a file by the command's name, so each name has one.

    Example: invoke completion bash > ~/.local/share/bash-completion/completions/clusterbook
    Example: invoke completion bash > ~/.local/share/bash-completion/completions/invoke
    Example: invoke completion zsh > ~/.zfunc/_clusterbook
    Example: invoke completion fish > ~/.config/fish/completions/clusterbook.fish
    Example: invoke completion fish > ~/.config/fish/completions/invoke.fish
    """
    if shell not in completions.SHELLS:
        raise InvalidInput(f"there is no completion for {shell!r}",
                           next_step=f"Name one of: {', '.join(completions.SHELLS)}.")  # fmt: skip
    print(completions.script(shell), end="")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
