"""What is written down about a lab and its hosts, so that any later command knows what is there."""

from __future__ import annotations

import json
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from clusterbook.errors import Failed, InvalidInput
from clusterbook.lab.cgroups import TOP
from clusterbook.lab.spec import STATE, LabHost, LabSpec
from clusterbook.records import dataclass

_SETTINGS = "settings.json"
_SPEC = "spec.json"


@dataclass(frozen=True)
class Settings:
    """How one host was made: what its supervisor needs. variables: for the host's first process."""

    spec: LabSpec
    host: str
    base: Path
    directory: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The host's control group, below each hierarchy."""
        return group(self.spec.name, self.host)


def group(lab: str, host: str) -> str:
    """The control group of a host, below each hierarchy."""
    return f"{TOP}/{lab}/{host}"


def host_directory(lab: LabSpec, host: str) -> Path:
    """Where a host's files are."""
    return lab.directory / "hosts" / host


def write_settings(settings: Settings) -> None:
    """Keep how a host was made, in its directory. Written last: its presence says that the host is whole."""
    values = {
        "spec": asdict(settings.spec), "host": settings.host, "base": str(settings.base),
        "variables": settings.variables,
    }  # fmt: skip
    _write(settings.directory / _SETTINGS, values)


def read_settings(directory: Path) -> Settings:
    """How the host in a directory was made. Raises Failed when it is not there or not whole."""
    values = _settings(directory)
    return Settings(
        spec=_spec(values["spec"]), host=values["host"], base=Path(values["base"]), directory=directory,
        variables=values["variables"],
    )  # fmt: skip


def read_base(directory: Path) -> Path:
    """The base of the host in a directory, also of one that another version of clusterbook made. Raises Failed."""
    return Path(_settings(directory)["base"])


def _settings(directory: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((directory / _SETTINGS).read_text())
    except (OSError, ValueError) as error:
        raise Failed(f"the host in {directory} is not whole", next_step="Bring the lab up again.") from error
    return found


def write_spec(spec: LabSpec) -> None:
    """Keep what the lab is."""
    _write(spec.directory / _SPEC, asdict(spec))


def read_spec(name: str, state: Path = STATE) -> LabSpec:
    """The lab of that name as it was last brought up. Raises InvalidInput with the labs that exist."""
    try:
        return _spec(json.loads((state / name / _SPEC).read_text()))
    except (OSError, ValueError) as error:
        known = ", ".join(names(state)) or "none"
        raise InvalidInput(
            f"there is no lab {name} on this machine (there are: {known})",
            next_step="Bring it up first.",
        ) from error


def names(state: Path = STATE) -> list[str]:
    """The labs of this machine, whole or not."""
    return sorted(path.parent.name for path in state.glob(f"*/{_SPEC}"))


def _spec(values: dict[str, object]) -> LabSpec:
    """A spec from its JSON form."""
    known = dict(values)
    hosts = known.pop("hosts")
    assert isinstance(hosts, list)
    return LabSpec(hosts=tuple(LabHost(**host) for host in hosts), **known)  # type: ignore[arg-type]


def _write(path: Path, values: object) -> None:
    """Write JSON atomically, readable by root only as everything in the lab's directory."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1) + "\n")
    partial.replace(path)
