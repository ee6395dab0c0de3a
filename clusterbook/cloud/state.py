"""CLUSTER/state.json: an index of what was made. Tags in the cloud are the truth; this can be rebuilt from them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clusterbook.cloud.model import Found
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.spec import STATE as FILE
from clusterbook.cluster.store import Store


@dataclass(frozen=True)
class State:
    """serial: counts every write; image: what aws.image stood for when hosts were first made from it.

    made: how many of each key there have been.
    """

    serial: int = 0
    region: str = ""
    image: Mapping[str, str] = field(default_factory=dict)
    api_address: str = ""
    resources: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, int] = field(default_factory=dict)


class StateFile:
    """The state of one cluster in its store. Thread-safe; a write that another machine overtook is an error."""

    def __init__(self, store: Store, cluster: str, damaged: bool = False) -> None:
        """Reads what is there. damaged: take an index that cannot be read for an empty one."""
        self._store = store
        self._name = f"{cluster}/{FILE}"
        self._lock = threading.Lock()
        self._written = store.read(self._name)
        self.state = self._parsed(cluster, damaged)

    def _parsed(self, cluster: str, damaged: bool) -> State:
        try:
            return State(**json.loads(self._written)) if self._written else State()
        except (ValueError, TypeError) as error:
            if damaged:
                return State()
            raise StoreError(f"{self._name} is damaged: {error}",
                             next_step=f"Make it anew: invoke state-rebuild {cluster} --yes") from error  # fmt: skip

    def record(self, found: Found) -> None:
        """A resource exists."""

        def change(state: State) -> State:
            new = state.resources.get(found.key) != found.id
            made = {**state.made, found.key: state.made.get(found.key, 0) + 1} if new else state.made
            return replace(state, resources={**state.resources, found.key: found.id}, made=made)

        self._write(change)

    def forget(self, key: str) -> None:
        """A resource is gone."""
        self._write(lambda state: replace(
            state, resources={name: value for name, value in state.resources.items() if name != key}
        ))  # fmt: skip

    def set(self, **values: Any) -> None:
        """Other fields of State."""
        if any(getattr(self.state, name) != value for name, value in values.items()):
            self._write(lambda state: replace(state, **values))

    def _write(self, change: Any) -> None:
        with self._lock:
            state = change(self.state)
            state = replace(state, serial=self.state.serial + 1)
            data = json.dumps(vars(state), indent=2, sort_keys=True).encode() + b"\n"
            if not self._store.swap(self._name, self._written, data):
                raise StoreError(
                    f"{self._name} was changed by somebody else meanwhile",
                    next_step="Run the same command again: it looks at what is there first.",
                )
            self._written, self.state = data, state
