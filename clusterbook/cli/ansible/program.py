"""`clusterbook-playbook`: options and settings -> the same path as `clusterbook run`, with Ansible's exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from clusterbook.cli.ansible import settings as configuration
from clusterbook.cli.ansible.options import Options, parse
from clusterbook.cli.ansible.run import run_playbook
from clusterbook.cli.boundary import render, render_bug
from clusterbook.errors import ClusterbookError, InvalidInput, InvalidProject
from clusterbook.source.vault import Closed

# Ansible's: 1 an error, 2 a failed host, 4 an unreachable host or a file that cannot be parsed, 5 wrong options.
ERROR, PARSE_ERROR, OPTION_ERROR, INTERRUPTED, BUG = 1, 4, 5, 99, 250


def main() -> None:
    """Entry point."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit status."""
    try:
        return _run(parse(arguments))
    except InvalidProject as error:
        closed = all(isinstance(problem, Closed) for problem in error.problems)
        return _show(render(error), ERROR if closed else PARSE_ERROR)
    except Closed as error:
        return _show(render(error), ERROR)
    except InvalidInput as error:
        return _show(render(error), PARSE_ERROR if error.where is not None and error.where.line else ERROR)
    except ClusterbookError as error:
        return _show(render(error), ERROR)
    except KeyboardInterrupt:
        return _show("[ERROR]: User interrupted execution", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception:
        return _show(render_bug(traceback.format_exc()), BUG)


def _run(options: Options) -> int:
    settings = configuration.read_settings(os.environ, Path.cwd(), Path.home())
    for warning in settings.warnings:
        sys.stderr.write(f"[WARNING]: {warning}\n")
    missing = [name for name in options.playbooks if not Path(name).is_file()]
    if missing:
        raise InvalidInput(f"the playbook: {missing[0]} could not be found", next_step="Give the path of a file.")
    status = 0
    for name in options.playbooks:
        status = run_playbook(name, options, settings)
        if status:
            return status
    return status


def _show(text: str, status: int) -> int:
    sys.stdout.flush()
    sys.stderr.write(text.replace("error: ", "[ERROR]: ", 1) + "\n")
    return status
