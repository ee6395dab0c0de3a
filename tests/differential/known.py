"""What ansible-playbook does with a playbook: from an earlier run, or by running it now."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from threading import Lock

from tests.differential import cases, tools, twins
from tests.differential.compare import Observed, observe

CACHE = Path.home() / ".cache" / "clusterbook"
# Results rest on these, too.
NEEDED_BY_RESULTS = ("host_side.py", "inventory.yml", "ansible.cfg", "twins.py")


class Known:
    """The results of one release of Ansible. Its hosts and its process are started when the first one is missing."""

    def __init__(self, pair: twins.Pair, work: Path, fresh: bool) -> None:
        """work: a folder of its own; fresh: results of earlier runs do not count."""
        self._pair, self._work, self._fresh = pair, work, fresh
        self._tool: tools.Oracle | None = None
        self._busy = Lock()
        salt = tools.RELEASE + "".join((cases.HERE / name).read_text() for name in NEEDED_BY_RESULTS)
        self._salt = hashlib.sha256(salt.encode()).hexdigest()

    def of(self, case: cases.Case) -> Observed:
        """Thread-safe; one playbook runs at a time."""
        path = CACHE / "differential" / f"{case.key(self._salt)}.json"
        if not self._fresh and path.is_file():
            found: Observed = json.loads(path.read_text())
            return found
        with self._busy:
            seen = observe(case, self._started(), self._pair)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(seen))
        return seen

    def close(self) -> None:
        """End what was started."""
        if self._tool is not None:
            self._tool.close()
            self._pair.close()

    def _started(self) -> tools.Oracle:
        if self._tool is None:
            self._pair.start()
            self._tool = tools.Oracle(self._work, self._pair.inventory(), tools.oracle_python(CACHE))
        return self._tool
