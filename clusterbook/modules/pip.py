"""Python packages."""

from __future__ import annotations

import json
import os
import shlex
from typing import Any, Dict, List, Optional

from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed

NAME = "ansible.builtin.pip"
KIND = "action"
DESCRIPTION = "Install and remove Python packages, in a virtual environment of their own if one is named."
PARAMETERS = {
    "name": Parameter("list", "Packages, with versions as pip writes them, or addresses.", elements="str"),
    "version": Parameter("str", "Version of the one package."),
    "requirements": Parameter("str", "File of requirements on the host."),
    "state": Parameter("str", "What shall be.", default="present",
                       choices=("absent", "forcereinstall", "latest", "present")),
    "virtualenv": Parameter("path", "Directory of the virtual environment; made when it is missing."),
    "virtualenv_command": Parameter("path", "What makes it, such as python3 -m venv.", default="virtualenv"),
    "virtualenv_python": Parameter("str", "Python for it."),
    "virtualenv_site_packages": Parameter("bool", "It sees the host's packages too.", default=False),
    "executable": Parameter("path", "The pip program."),
    "extra_args": Parameter("str", "Further words for pip."),
    "editable": Parameter("bool", "Install in editable mode.", default=False),
    "chdir": Parameter("path", "Directory to run in."),
    "umask": Parameter("str", "Umask for new files."),
    "break_system_packages": Parameter("bool", "Install beside the distribution's packages.", default=False),
}
REQUIRED_ONE_OF = (("name", "requirements"),)
MUTUALLY_EXCLUSIVE = (("name", "requirements"), ("executable", "virtualenv"))
# Runs in the target's own Python: which of the requirements its packages do not meet; null: it cannot tell.
PROBE = """
import json, sys
try:
    from importlib.metadata import distributions
    try:
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name as plain
    except ImportError:
        from pip._vendor.packaging.requirements import Requirement
        from pip._vendor.packaging.utils import canonicalize_name as plain
    have = {plain(found.metadata["Name"]): found.version for found in distributions() if found.metadata["Name"]}
    result = {}
    for text in json.load(sys.stdin):
        try:
            wanted = Requirement(text)
        except Exception:
            result[text] = None
            continue
        version = have.get(plain(wanted.name))
        result[text] = [version, version is not None and wanted.specifier.contains(version, prereleases=True)]
    print(json.dumps({"have": have, "wanted": result}))
except ImportError as error:
    sys.exit(str(error))
"""


def run(arguments: Arguments, system: System) -> Outcome:
    """Make the environment, then install or remove what is not as wanted."""
    made = make_environment(arguments, system)
    program = pip_words(arguments, system)
    words = todo(arguments, program, system)
    if words is None:
        return Outcome(made, values(arguments, program, None))
    before = probe(arguments, program, [], system)["have"]
    done = execute([*program, *words], arguments, system)
    after = probe(arguments, program, [], system)["have"]
    forced = arguments["state"] == "forcereinstall"
    return Outcome(made or forced or before != after, values(arguments, [*program, *words], done))


def check(arguments: Arguments, system: System) -> Outcome:
    """Certain where names and versions tell; unknown where the index would have to be asked."""
    if arguments["virtualenv"] and not in_environment(arguments, system):
        return Outcome(True, values(arguments, [], None))
    words = todo(arguments, pip_words(arguments, system), system)
    if words is None:
        return Outcome(values=values(arguments, [], None))
    plain = arguments["name"] and arguments["state"] != "latest"
    return Outcome(True, values(arguments, words, None), unknown=not plain,
                   message="" if plain else "what the index has is not known before")


def in_environment(arguments: Arguments, system: System) -> bool:
    """Whether the virtual environment is there."""
    return system.files.stat(os.path.join(arguments["virtualenv"], "bin/activate"), True) is not None


def make_environment(arguments: Arguments, system: System) -> bool:
    """Make the virtual environment when it is missing; whether it was made."""
    if not arguments["virtualenv"] or in_environment(arguments, system):
        return False
    words = shlex.split(arguments["virtualenv_command"])
    words += ["--system-site-packages"] if arguments["virtualenv_site_packages"] else []
    if arguments["virtualenv_python"]:
        if words[1:3] == ["-m", "venv"]:
            raise ModuleFailed("virtualenv_python does not go with python -m venv",
                               next_step="Name that Python in virtualenv_command.")
        words += ["-p", arguments["virtualenv_python"]]
    execute([*words, arguments["virtualenv"]], arguments, system)
    return True


def pip_words(arguments: Arguments, system: System) -> List[str]:
    """The pip program."""
    if arguments["virtualenv"]:
        return [os.path.join(arguments["virtualenv"], "bin/pip")]
    if arguments["executable"]:
        return [arguments["executable"]]
    return ["pip3"]


def python_of(arguments: Arguments, program: List[str], system: System) -> str:
    """The Python that a pip program belongs to: its first line says so."""
    import shutil

    path = shutil.which(program[0]) or program[0]
    if system.files.stat(path, True) is None:
        raise ModuleFailed(f"{program[0]} is not on this host", {"rc": 2}, "Install python3-pip in an earlier step.")
    first = system.files.read(path).split(b"\n", 1)[0].decode("utf-8", "replace")
    return first[2:].strip().split()[0] if first.startswith("#!") else "python3"


def probe(arguments: Arguments, program: List[str], wanted: List[str], system: System) -> Dict[str, Any]:
    """What is installed and which of the wanted requirements are met."""
    done = system.query([python_of(arguments, program, system), "-c", PROBE], stdin=json.dumps(wanted))
    if done.returncode:
        raise ModuleFailed(f"the packages of {program[0]} cannot be read: {done.stderr.strip()}",
                           {"rc": done.returncode})
    return dict(json.loads(done.stdout))


def todo(arguments: Arguments, program: List[str], system: System) -> Optional[List[str]]:
    """The words for pip, None when everything is as wanted."""
    state = arguments["state"]
    extra = shlex.split(arguments["extra_args"] or "")
    extra += ["--break-system-packages"] if arguments["break_system_packages"] else []
    how = {"present": [], "latest": ["-U"], "forcereinstall": ["-U", "--force-reinstall"], "absent": ["-y"]}[state]
    verb = ["uninstall" if state == "absent" else "install", *how, *extra]
    if arguments["requirements"]:
        return [*verb, "-r", arguments["requirements"]]
    names = requirements(arguments)
    wanted = probe(arguments, program, names, system)["wanted"]
    if state == "absent":
        gone = [name for name in names if wanted[name] is None or wanted[name][0] is not None]
        return [*verb, *gone] if gone else None
    if state in ("latest", "forcereinstall"):
        return [*verb, *names]
    missing = [name for name in names if wanted[name] is None or not wanted[name][1]]
    editable = ["-e"] if arguments["editable"] else []
    return [*verb, *(word for name in missing for word in (*editable, name))] if missing else None


def requirements(arguments: Arguments) -> List[str]:
    """The packages with the version of the argument."""
    names: List[str] = []
    for name in arguments["name"]:
        if names and (names[-1].count("[") > names[-1].count("]") or name[:1] in "<>=!~"):
            names[-1] += "," + name  # a list that was split at the commas of one requirement
        else:
            names.append(name)
    version = arguments["version"]
    if version is None:
        return names
    if len(names) != 1:
        raise ModuleFailed("version goes with one package", next_step="Write the versions into name.")
    return [names[0] + (version if version[:1] in "<>=!~" else f"=={version}")]


def execute(words: List[str], arguments: Arguments, system: System) -> Completed:
    """Run it without questions."""
    mask = arguments["umask"]
    done = system.execute(words, directory=arguments["chdir"], umask=int(mask, 8) if mask else None,
                          environment={"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    if done.returncode:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-6:])
        step = "Set break_system_packages: true, or name a virtualenv." if "externally-managed" in done.stderr else ""
        raise ModuleFailed(f"'{shlex.join(words)}' failed: {said}",
                           {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "cmd": words}, step)
    return done


def values(arguments: Arguments, words: List[str], done: Optional[Completed]) -> Dict[str, Any]:
    """Ansible's keys."""
    found: Dict[str, Any] = {key: arguments[key] for key in ("name", "version", "state", "requirements", "virtualenv")}
    found["cmd"] = words
    stdout, stderr = (done.stdout, done.stderr) if done is not None else ("", "")
    found.update(stdout=stdout, stderr=stderr, stdout_lines=stdout.splitlines(), stderr_lines=stderr.splitlines())
    return found
