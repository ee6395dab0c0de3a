"""Facts that the host's owner keeps in files (by default /etc/ansible/facts.d/NAME.fact)."""

from __future__ import annotations

import json
import os
from typing import Any, Dict

from clusterbook.modules.facts.reading import names, text
from clusterbook.modules.system import System


def local(directory: str, system: System) -> Dict[str, Any]:
    """JSON or INI by file name; a file that can be run is run and its output read."""
    found: Dict[str, Any] = {}
    for name in names(directory):
        if not name.endswith(".fact"):
            continue
        path = os.path.join(directory, name)
        content = text(path)
        if os.access(path, os.X_OK) and not system.predicting:
            done = system.query([path])
            if done.returncode:
                found[name[:-5]] = f"error: {path} ended with {done.returncode}"
                continue
            content = done.stdout
        found[name[:-5]] = parsed(path, content)
    return {"local": found}


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
    except configparser.Error as error:
        return f"error loading facts as JSON or ini: {path}: {error}"
    return {section: dict(parser.items(section, raw=True)) for section in parser.sections()}
