"""Runs a tool's command line again and again in forks of one process that has loaded it: a start costs a second less.

`python programs.py ansible|clusterbook`, by the Python of the tool's own environment. A line of JSON {directory, argv}
in, a line {code, output} out; a run that does not end in time is killed with all that it started.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile

SECONDS = 240


def main(tool: str) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    run_it = {"ansible": ansible, "clusterbook": clusterbook}[tool]()
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(run(run_it, order["directory"], order["argv"])) + "\n")
        answers.flush()


def ansible():
    """The program ansible-playbook, with what nearly every run needs."""
    import ansible.executor.playbook_executor
    import ansible.plugins.connection.ssh
    import ansible.plugins.strategy.linear  # noqa: F401 - loaded here once for all forks
    from ansible.cli.playbook import PlaybookCLI

    return lambda argv: PlaybookCLI.cli_executor(["ansible-playbook", *argv])


def clusterbook():
    """The program clusterbook-playbook."""
    import clusterbook.execute.run  # noqa: F401 - as above
    from clusterbook.cli.ansible import program

    def call(argv):
        sys.argv = ["ansible-playbook", *argv]
        program.main()

    return call


def run(program, directory: str, argv: list) -> dict:
    """One run in a fork."""
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            os.chdir(directory)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            os._exit(status(program, argv))
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
        signal.alarm(SECONDS)
        _, ended = os.waitpid(child, 0)
        signal.alarm(0)
        log.seek(0)
        return {"code": os.waitstatus_to_exitcode(ended), "output": log.read().decode("utf-8", "replace")}


def status(program, argv: list) -> int:
    """What a process of the program would end with."""
    code = 1
    try:
        code = program(argv) or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main(sys.argv[1])
