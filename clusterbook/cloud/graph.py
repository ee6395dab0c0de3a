"""Does things in the order in which they need each other, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from clusterbook.errors import ClusterbookError, InvalidInput

WORKERS = 16


@dataclass
class Outcome:
    """What became of every key. untried: those that need one that failed, and those after a stop."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, ClusterbookError] = field(default_factory=dict)
    untried: list[str] = field(default_factory=list)


def run(needs: Mapping[str, frozenset[str]], work: Callable[[str], None], workers: int = WORKERS) -> Outcome:
    """work(key) for every key, after all that it needs; what does not need a failed one goes on.

    needs: key -> keys; those that are no keys themselves count as done. Raises InvalidInput for a circle; any error
    that is not ours, and Ctrl-C, is raised after the running ones ended.
    """
    waiting = {key: frozenset(needs[key]) & frozenset(needs) for key in needs}
    refuse_circle(waiting)
    outcome = Outcome()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(min(workers, max(1, len(needs)))) as pool:
        while waiting or running:
            for key in [key for key, left in waiting.items() if left <= frozenset(outcome.done)]:
                del waiting[key]
                running[pool.submit(work, key)] = key
            if not running:
                break
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                key = running.pop(future)
                error = future.exception()
                if error is None:
                    outcome.done.append(key)
                elif isinstance(error, ClusterbookError):
                    outcome.failed[key] = error
                else:
                    raise error
    outcome.untried = sorted(waiting)
    return outcome


def refuse_circle(needs: Mapping[str, frozenset[str]]) -> None:
    """Raise InvalidInput when some keys need each other."""
    left = dict(needs)
    while left:
        free = [key for key, keys in left.items() if not keys & frozenset(left)]
        if not free:
            raise InvalidInput(f"these resources need each other in a circle: {', '.join(sorted(left))}")
        for key in free:
            del left[key]
