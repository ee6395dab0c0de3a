"""Facts that the host's owner keeps in files (by default /etc/ansible/facts.d/NAME.fact)."""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Dict

from clusterbook.modules.facts.reading import names, text
from clusterbook.modules.system import System


def local(directory: str, system: System) -> Dict[str, Any]:
    """JSON or INI by file name; a file that its owner may run is run and its output read."""
    files = [name for name in names(directory) if name.endswith(".fact")]
    return {"local": {name[: -len(".fact")]: fact(os.path.join(directory, name), system) for name in files}}


def fact(path: str, system: System) -> Any:
    """What one file says; of one that says nothing, why."""
    try:
        runs = bool(os.stat(path).st_mode & stat.S_IXUSR)
    except OSError as error:
        return f"Could not stat fact ({path}): {error.strerror}"
    if not runs or system.predicting:
        return parsed(path, text(path))
    try:
        done = system.query([path])
    except OSError as error:
        return f"Could not execute fact script ({path}): {error.strerror}"
    if done.returncode:
        return f"Failure executing fact script ({path}), rc: {done.returncode}, err: {done.stderr}"
    return parsed(path, done.stdout)


def parsed(path: str, content: str) -> Any:
    """JSON, else sections of NAME=VALUE."""
    try:
        return json.loads(content)
    except ValueError:
        pass
    import configparser

    parser = configparser.ConfigParser()
    try:
        parser.read_string(content)
        return {section: dict(parser.items(section)) for section in parser.sections()}
    except configparser.InterpolationError as error:
        return f"error loading facts as ini - please check content: {path} ({error.message})"
    except configparser.Error:
        return f"error loading facts as JSON or ini - please check content: {path}"
