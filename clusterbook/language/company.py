"""The other hosts of a run as expressions see them: their variables (`hostvars`), and who is still in the play."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Optional

from clusterbook.language.program import EVERY_NAME, HostPart
from clusterbook.language.runtime import Runtime
from clusterbook.language.scope import Unknown
from clusterbook.language.values import UnknownValue, decode


class OtherHost(Mapping[str, Any]):
    """The variables of another host, asked for one by one unless they were sent ahead."""

    def __init__(self, name: str, known: Mapping[str, Any], runtime: Runtime) -> None:
        """known: what the compiler saw that the play needs."""
        self._name = name
        self._known = dict(known)
        self._runtime = runtime
        # What may be another value for the next step.
        self._present: dict[str, Any] = {}
        self._complete = False

    def forget(self) -> None:
        """A step begins: the other host may have learnt something."""
        self._present, self._complete = {}, False

    def __getitem__(self, key: str) -> Any:
        known = self._known if key in self._known else self._present
        if key not in known:
            answer = self._runtime.ask("hostvar", host=self._name, name=key)
            if answer is None:
                raise KeyError(key)
            known = self._known if answer.get("lasting") else self._present
            known[key] = decode(answer["value"])
        if isinstance(known[key], UnknownValue):
            raise Unknown(known[key].reason)
        return known[key]

    def __contains__(self, key: object) -> bool:
        try:
            self[str(key)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(dict(self))

    def _all(self) -> Mapping[str, Any]:
        """Everything that this host may know of the other one; a step asks for it once."""
        if not self._complete:
            answer = self._runtime.ask("hostvar", host=self._name, name=EVERY_NAME)
            self._present = decode(answer["value"] if answer else {})
            self._complete = True
        return {**self._present, **self._known}


class OwnHost(OtherHost):
    """The host itself in `hostvars`: what it has learnt, too."""

    learnt: Callable[[], Mapping[str, Any]] = dict
    evaluate: Callable[[Any], Any] = staticmethod(lambda value: value)

    def __getitem__(self, key: str) -> Any:
        learnt = self.learnt()
        return self.evaluate(learnt[key]) if key in learnt else super().__getitem__(key)

    def _all(self) -> Mapping[str, Any]:
        return {**super()._all(), **self.learnt()}


class HostVariables(Mapping[str, Any]):
    """`hostvars`."""

    def __init__(self, host: HostPart, names: tuple[str, ...], runtime: Runtime, grows: bool = False) -> None:
        """names: every host of the inventory; grows: more may join while the play runs."""
        self._names = names
        self._grows = grows
        self._runtime = runtime
        self._hosts = {name: OtherHost(name, host.hostvars.get(name, {}), runtime) for name in names}
        self.own = OwnHost(host.name, host.hostvars.get(host.name, {}), runtime)
        self._hosts[host.name] = self.own  # also of the local machine, which is in no inventory

    def __getitem__(self, key: str) -> OtherHost:
        if self._grows and key not in self._hosts and key in self._everyone():
            self._hosts[key] = OtherHost(key, {}, self._runtime)
        return self._hosts[key]

    def forget(self) -> None:
        """A step begins."""
        for host in self._hosts.values():
            host.forget()

    def _everyone(self) -> list[str]:
        return list(Company(self._runtime, True)["groups"].get("all", ())) if self._grows else list(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._everyone())

    def __len__(self) -> int:
        return len(self._everyone())

    def __repr__(self) -> str:
        return repr(dict(self))


class Company(Mapping[str, Any]):
    """The hosts that are still in the play, asked for when a step names them: they become fewer as hosts fail."""

    _KEYS = {"ansible_play_hosts": "play", "play_hosts": "batch", "ansible_play_batch": "batch"}
    _GROWING = {"groups": "groups", "group_names": "group_names", "ansible_play_hosts_all": "all"}

    def __init__(self, runtime: Runtime, grows: bool = False) -> None:
        """One for each step. grows: hosts and groups may join, so groups are asked for too."""
        self._runtime = runtime
        self._keys = {**self._KEYS, **(self._GROWING if grows else {})}
        self._found: Optional[Mapping[str, Any]] = None

    def __getitem__(self, key: str) -> Any:
        own = self._keys[key]
        if self._found is None:
            self._found = self._runtime.ask("company") or {}
        return self._found.get(own, [])

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
