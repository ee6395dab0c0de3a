"""Runs ansible-playbook again and again in forks of one process that has loaded Ansible: a start costs a second less.

Started by the Python of the oracle's environment. A line of JSON {directory, argv} in, a line {code, output} out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import ansible.cli.playbook
    import ansible.executor.playbook_executor
    import ansible.plugins.connection.ssh
    import ansible.plugins.strategy.linear  # noqa: F401 - loaded here once for all forks

    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(run(order["directory"], order["argv"])) + "\n")
        answers.flush()


def run(directory: str, argv: list) -> dict:
    """One run of ansible-playbook."""
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            os.chdir(directory)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            os._exit(playbook(argv))
        _, status = os.waitpid(child, 0)
        log.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "output": log.read().decode("utf-8", "replace")}


def playbook(argv: list) -> int:
    """What the program ansible-playbook does; its exit status."""
    from ansible.cli.playbook import PlaybookCLI

    code = 1
    try:
        code = PlaybookCLI.cli_executor(["ansible-playbook", *argv]) or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main()
