"""A component that does not become well with its new program ends the step with its own last words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "roles" / "upgrade" / "files" / "settle.sh"
# Each question for the number of restarts is answered by the next line of a file; the last one stays.
SYSTEMCTL = """#!/bin/sh
case "$*" in
  *MainPID*) echo 0 ;;
  kill* | restart*) echo "$1" >> told ;;
  *NRestarts*) head -n 1 restarts; [ "$(wc -l < restarts)" = 1 ] || sed -i 1d restarts ;;
esac
"""
ENDED = """starting
flag --old is deprecated
"command failed" err="no such group"
kubelet.service: Main process exited, code=exited, status=1/FAILURE
kubelet.service: Failed with result 'exit-code'.
"""
AGAIN = """kubelet.service: Scheduled restart job, restart counter is at 3.
Started kubelet.service - kubelet, the Kubernetes node agent.
"""
NEXT = "starting\nflag --old is deprecated\nthe version is 1.37.2\nwaiting\n"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder whose programs say what a host's would."""
    for name, text in (("systemctl", SYSTEMCTL), ("journalctl", "#!/bin/sh\ncat journal\n"), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def settled(host: Path, restarts: list[int], journal: str, seconds: int, way: str = "forth") -> str:
    """What it says of a kubelet that never answers."""
    (host / "restarts").write_text("".join(f"{number}\n" for number in restarts))
    (host / "journal").write_text(journal)
    done = subprocess.run(["bash", str(SCRIPT), way, str(seconds), "kubelet=http://127.0.0.1:9/healthz"], cwd=host,
                          env={"PATH": f"{host}:{os.environ['PATH']}"}, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    return done.stderr.strip()


@pytest.mark.parametrize("journal", [ENDED, ENDED + AGAIN, ENDED + AGAIN + NEXT, ENDED + AGAIN + ENDED])
def test_words_are_those_of_the_process_that_ended_not_of_the_one_started_after_it(host: Path, journal: str) -> None:
    told = settled(host, [0, 1, 2, 3], ENDED + AGAIN + journal, seconds=30)
    assert told == ('kubelet ended by itself three times. Its last words: starting flag --old is deprecated '
                    '"command failed" err="no such group"')  # fmt: skip


def test_one_that_goes_on_without_answering_is_quoted_as_it_is_now(host: Path) -> None:
    told = settled(host, [2], ENDED + AGAIN + NEXT, seconds=1)
    assert told == ("kubelet did not become well in 1 s. Its last words: flag --old is deprecated "
                    "the version is 1.37.2 waiting")  # fmt: skip


@pytest.mark.parametrize(("way", "told"), [("forth", ["restart"]), ("back", ["kill", "restart"])])
def test_one_that_does_not_answer_is_killed_on_the_way_back_alone(host: Path, way: str, told: list[str]) -> None:
    settled(host, [0], "", seconds=1, way=way)
    assert (host / "told").read_text().split() == told


def test_one_that_answers_is_stopped_as_any_other_on_the_way_back(host: Path) -> None:
    (host / "curl").write_text("#!/bin/sh\n")
    (host / "curl").chmod(0o755)
    settled(host, [0], "", seconds=1, way="back")
    assert (host / "told").read_text().split() == ["restart"]
