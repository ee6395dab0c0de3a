"""The host as it would be after the steps so far: a plan reads it and cannot touch the real one."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar

from clusterbook.modules.contract import Unknown
from clusterbook.modules.system import Source, System, no_signature, no_source
from clusterbook.modules.system.accounts import UNBORN, Accounts, Group, User
from clusterbook.modules.system.commands import Completed
from clusterbook.modules.system.files import as_text
from clusterbook.modules.system.packages import Package, Packages
from clusterbook.modules.system.predicted_files import PredictedFiles
from clusterbook.modules.system.units import Units, UnitState, full_name
from clusterbook.records import replace

UNIT_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
Account = TypeVar("Account", User, Group, int)
MADE_LATER = "predicted"  # version of a package that only a prediction knows


class PredictedAccounts(Accounts):
    """Accounts as they would be."""

    def __init__(self, doubt: Callable[[str], None], pending: Callable[[], str]) -> None:
        """doubt(reason) and pending(): see PredictedFiles."""
        super().__init__(refuse)
        self.doubt = doubt
        self.pending = pending
        self.users: Dict[str, Optional[User]] = {}
        self.groups: Dict[str, Optional[Group]] = {}

    def user(self, name: str) -> Optional[User]:
        """A predicted user."""
        if name in self.users:
            return self.users[name]
        return self._doubted(super().user(name))

    def user_id(self, name: str) -> Optional[int]:
        """The number of a predicted user; below zero when it is not made yet."""
        if name in self.users:
            found = self.users[name]
            return found.uid if found else None
        return self._doubted(super().user_id(name))

    def group(self, name: str) -> Optional[Group]:
        """A predicted group."""
        if name in self.groups:
            return self.groups[name]
        return self._doubted(super().group(name))

    def change_user(self, name: str, argv: Sequence[str], becomes: Optional[User]) -> None:
        """Remember the user; useradd makes a group of the same name, userdel removes it."""
        if becomes is None:
            own = self.group(name)
            if own is not None and not set(own.members) - {name}:
                self.groups[name] = None
            self.users[name] = None
            return
        if becomes.gid == UNBORN:
            if self.group(name) is None:
                self.groups[name] = Group(name, self._number())
            own = self.group(name)
            becomes = replace(becomes, gid=own.gid if own else UNBORN)
        self.users[name] = replace(becomes, uid=self._number()) if becomes.uid == UNBORN else becomes

    def change_group(self, name: str, argv: Sequence[str], becomes: Optional[Group]) -> None:
        """Remember the group."""
        if becomes is not None and becomes.gid == UNBORN:
            becomes = replace(becomes, gid=self._number())
        self.groups[name] = becomes

    def user_name(self, uid: int) -> Optional[str]:
        """The name of a predicted user by number."""
        made = (user.name for user in self.users.values() if user is not None and user.uid == uid)
        return next(made, None) or (super().user_name(uid) if uid >= 0 else None)

    def group_name(self, gid: int) -> Optional[str]:
        """The name of a predicted group by number."""
        made = (group.name for group in self.groups.values() if group is not None and group.gid == gid)
        return next(made, None) or (super().group_name(gid) if gid >= 0 else None)

    def users_of(self, gid: int) -> List[str]:
        """The users who would have the group as their main one."""
        kept = {name for name in super().users_of(gid) if name not in self.users}
        return sorted(kept | {user.name for user in self.users.values() if user is not None and user.gid == gid})

    def _number(self) -> int:
        """A number for an account that is not made yet: below every other, so that it equals none."""
        users = [user.uid for user in self.users.values() if user]
        return min([UNBORN, *users, *(group.gid for group in self.groups.values() if group)]) - 1

    def _doubted(self, found: Optional[Account]) -> Optional[Account]:
        """An account that is missing now may come with a package."""
        if found is None and self.pending():
            self.doubt(self.pending())
        return found


class PredictedPackages(Packages):
    """Packages as they would be. pending: those that are not installed yet; what they own is unknown."""

    def __init__(self, query: Callable[..., Completed]) -> None:
        """query: how programs that only read are run."""
        super().__init__(refuse, query)
        self.changes: Dict[str, bool] = {}

    def pending(self) -> str:
        """Why something missing may exist later; empty when no package is pending."""
        names = [name for name, installed in self.changes.items() if installed]
        return f"package {', '.join(sorted(names))} is not installed yet" if names else ""

    def all(self) -> Mapping[str, Package]:
        """Predicted packages."""
        found = dict(super().all())
        for name, installed in self.changes.items():
            old = found.get(name)
            if installed:
                found[name] = Package(name, MADE_LATER, "", "installed")
            elif old is not None:
                found[name] = replace(old, status="config-files")
        return found

    def apt(
        self, words: Sequence[str], becomes: Mapping[str, bool], environment: Optional[Mapping[str, str]] = None
    ) -> Completed:
        """Remember what would be installed and removed, and that lists would be fetched."""
        self.lists_may_change = self.lists_may_change or "update" in words[:1]
        self.changes.update(becomes)
        return Completed(("apt-get", *words), 0, "", "", 0.0, 0.0)


class PredictedUnits(Units):
    """Units as they would be."""

    def __init__(self, query: Callable[..., Completed], files: PredictedFiles, pending: Callable[[], str]) -> None:
        """files: tells unit files that earlier steps would write."""
        super().__init__(query, refuse)
        self.files = files
        self.pending = pending
        self.states: Dict[str, UnitState] = {}

    def show(self, name: str, scope: str = "system") -> UnitState:
        """A predicted unit. Unknown when a pending package may bring it."""
        name = full_name(name)
        if name in self.states:
            return self.states[name]
        found = super().show(name, scope)
        written = self._unit_file(name)
        if written is None:
            if not found.exists and self.pending():
                raise Unknown(f"unit {name} is not there: {self.pending()}")
            return found
        lines = (line for line in written.splitlines() if line.startswith(("Type=", "RemainAfterExit=")))
        keys = dict(line.split("=", 1) for line in lines)
        if found.exists:
            return replace(found, needs_reload=True, properties={**found.properties, **keys})
        return UnitState(name, "loaded", file_state="disabled" if "[Install]" in written else "static", properties=keys)

    def command(self, verbs: Sequence[str], name: str, becomes: UnitState, scope: str = "system") -> None:
        """Remember the unit's new state."""
        self.states[full_name(name)] = becomes

    def reload_manager(self, execute_again: bool = False, scope: str = "system") -> None:
        """Nothing to remember."""

    def _unit_file(self, name: str) -> Optional[str]:
        """The text of a unit file that an earlier step would write, None when there is none."""
        for directory in UNIT_DIRECTORIES:
            path = f"{directory}/{name}"
            if self.files.touched(path) and self.files.stat(path) is not None:
                return as_text(self.files.read(path)) or ""
        return None


class PredictedSystem(System):
    """The predicted host. doubts: reasons why the answers of the present step may differ later.

    owed: steps that are not in the prediction yet, because none has asked for it.
    """

    predicting = True
    files: PredictedFiles

    def __init__(
        self,
        source: Callable[[str], Source] = no_source,
        sign: Callable[[str], str] = no_signature,
        state_directory: str = "",
    ) -> None:
        """The same as System; sign is never called."""
        super().__init__(source, sign, state_directory)
        predicted = PredictedPackages(self.query)
        self.packages = predicted
        self.files = PredictedFiles(self.files.checksums, self.doubts.append, predicted.pending)
        self.accounts = PredictedAccounts(self.doubts.append, predicted.pending)
        self.units = PredictedUnits(self.query, self.files, predicted.pending)
        self.settings: Dict[str, str] = {}
        self.owed: List[Callable[[], None]] = []

    def execute(self, argv: Sequence[str], **options: Any) -> Completed:
        """Never: a plan changes nothing."""
        return refuse(argv, **options)

    def kernel_setting(self, path: str, value: str) -> None:
        """Remember the value as the file's content."""
        if self.files.stat(path) is not None or not self.doubts:
            self.files.write(path, value.encode() + b"\n")


def refuse(argv: Sequence[str], **options: Any) -> Completed:
    """The answer to every program that would change the host."""
    raise Unknown(f"'{argv[0]}' is not run in check mode")
