"""`python -m tests.differential.returned [--documents]`: compare what modules return with what Ansible's do.

A playbook runs on this machine, in a folder of its own, by ansible-playbook and by clusterbook-playbook; it changes
nothing elsewhere. Of each result every value of Ansible's must be there with the same type, and be the same where it
can be; `reasons.toml` says what differs and why. Then what the release documents of every module is compared with
what is listed here, with --documents that alone. A line for each difference; the exit status is 1 when there is one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from clusterbook.modules import registry
from clusterbook.schema.returned import COMMON, LACKING, RETURNED
from tests.differential import tools
from tests.differential.known import CACHE

HERE = Path(__file__).parent
FOLDER = CACHE / "differential" / "returned"
PAGES = {"a": "a\n", "b": "b\n", "data.json": '{"a": 1}\n'}
# Ansible's word -> ours, where the document has another one for the same.
TYPES = {"complex": "dict", "float": "int"}
# Where its document is not what it returns.
NOT_SO = {"ansible.builtin.command": "msg", "ansible.builtin.shell": "msg", "ansible.builtin.pause": "delta",
          "ansible.builtin.sysvinit": "results"}
# Never the same twice, or words for people.
VOLATILE = ("msg", "start", "end", "stop", "delta", "date", "elapsed", "backup_file", "backup", "results_file",
            "ansible_job_id", "erased", "attempts", "message", "last_modified", "port", "warnings")  # fmt: skip
Results = dict[str, dict[str, Any]]


def main() -> int:
    """Exit status 0 when every difference has a reason, and every reason a difference."""
    python = tools.oracle_python(CACHE)
    wrong = list(of_documents(documented(python)))
    if "--documents" not in sys.argv:
        wrong += of_runs(oracle(python), run([str(Path(sys.executable).with_name("clusterbook-playbook"))]))
    for line in wrong:
        print(line)
    print(f"what {len(RETURNED)} modules return: {len(wrong)} differences without a reason")
    return 1 if wrong else 0


def oracle(python: Path) -> Results:
    """What ansible-playbook's modules returned, from an earlier run of the same files or by running it now."""
    files = sorted(path for path in HERE.rglob("*") if path.is_file() and path.suffix in ("", ".yml", ".j2", ".sh"))
    salt = tools.RELEASE + "".join(f"{path.name}\n{path.read_text()}" for path in files)
    kept = FOLDER.with_name(f"returned-{hashlib.sha256(salt.encode()).hexdigest()}.json")
    if not kept.is_file():
        found = run([str(python.with_name("ansible-playbook")), "-e", f"ansible_python_interpreter={python}"])
        kept.write_text(json.dumps(found))
    return dict(json.loads(kept.read_text()))


def run(program: list[str]) -> Results:
    """Run the playbook in a fresh folder, which has the same name for both programs."""
    prepare()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(FOLDER / "pages")))
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "CLUSTERBOOK_"))}
    words = [*program, "-i", "localhost,", "-c", "local", "-e", f"address={address}", "playbook.yml"]
    done = subprocess.run(words, cwd=FOLDER, env={**kept, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True,
                          check=False)  # fmt: skip
    server.shutdown()
    server.server_close()
    if done.returncode:
        raise SystemExit(f"{program[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    text = (FOLDER / "results.json").read_text().replace(address, "http://server")
    return dict(json.loads(text))


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def prepare() -> None:
    """The playbook's files, an archive, a repository, and pages for the server."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(HERE, FOLDER)
    with tarfile.open(FOLDER / "files/tree.tar", "w") as archive:
        archive.add(FOLDER / "files/tree", "tree")
    (FOLDER / "pages").mkdir()
    for name, text in PAGES.items():
        (FOLDER / "pages" / name).write_text(text)
    when = "2026-01-01T00:00:00Z"  # so that the commit has the same name in each run
    (FOLDER / "repository").mkdir()
    for words in ("init -q", "-c user.name=a -c user.email=a@b commit -q --allow-empty -m x"):
        subprocess.run(["git", *words.split()], cwd=FOLDER / "repository", check=True,
                       env={**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when})  # fmt: skip


def of_runs(theirs: Results, ours: Results) -> Iterator[str]:
    """A line for each value that differs and has no reason, and for each reason that is none any more."""
    reasons: Mapping[str, Mapping[str, str]] = tomllib.loads((HERE / "reasons.toml").read_text())
    used: set[tuple[str, str]] = set()
    for name, key, words in differences(theirs, ours):
        known = [(one, of) for one in reasons for of in reasons[one] if fnmatchcase(name, one) and fnmatchcase(key, of)]
        used.update(known)
        if not known:
            yield f"{name} {key}: {words}"
    for one, keys in reasons.items():
        yield from (f"reasons.toml: {one} {key} does not differ" for key in keys if (one, key) not in used)


def differences(theirs: Results, ours: Results) -> Iterator[tuple[str, str, str]]:
    """(result, value, how it differs); of what a value holds in turn, too."""
    for name in sorted({*theirs, *ours}):
        if name not in theirs or name not in ours:
            yield name, "", "only one of the two has it"
            continue
        yield from ((name, key, words) for key, words in of_mapping(theirs[name], ours[name], ""))


def of_mapping(theirs: Mapping[str, Any], ours: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """(path of the value, how it differs). above: the value that holds these; of its parts only the types count."""
    for key, value in theirs.items():
        place, own = f"{above}{key}", ours.get(key)
        if key not in ours:
            yield place, f"missing, {short(value)} there"
        elif isinstance(value, dict) and isinstance(own, dict):
            yield from () if above else of_mapping(value, own, f"{place}.")
        elif type(value) is not type(own) or not (above or key in VOLATILE or plain(value) == plain(own)):
            yield place, f"{short(own)}, {short(value)} there"


def plain(value: Any) -> Any:
    """A list in any order; of mappings in it only the names count."""
    if not isinstance(value, list):
        return value
    return sorted(str(sorted(item) if isinstance(item, dict) else item) for item in value)


def short(value: Any) -> str:
    """For a line."""
    text = json.dumps(value)
    return text if len(text) < 90 else text[:90] + "…"


def documented(python: Path) -> dict[str, Any]:
    """Module -> value -> what the release's document says of it."""
    names = [name for name in registry.names() if "." in name]
    words = [str(python.with_name("ansible-doc")), "-j", *names]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return {name: one.get("return") or {} for name, one in told.items()}


def of_documents(told: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for each documented value that is not listed, is of another type, or is said to lack and is listed."""
    for name, values in told.items():
        listed = {**COMMON, **RETURNED[name]}
        for key, one in values.items():
            kind = TYPES.get(one["type"], one["type"])
            if key not in listed and key not in LACKING.get(name, {}):
                yield f"{name} {key}: documented there, not listed here"
            elif key in listed and NOT_SO.get(name) != key:
                if listed[key].type not in (kind, "raw"):
                    yield f"{name} {key}: listed as {listed[key].type}, documented as {kind}"
                for part in one.get("contains") or ():
                    if "<" not in part and f"`{part}`" not in listed[key].description:
                        yield f"{name} {key}.{part}: documented there, not named here"


if __name__ == "__main__":
    sys.exit(main())
