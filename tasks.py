"""Tasks for Invoke: `invoke --list` shows them. All of them live in clusterbook.cli."""

import sys

from clusterbook.cli.lean import keep_compiled

keep_compiled()

from clusterbook.cli.listing import answer_list  # noqa: E402
from clusterbook.cli.namespace import collection, tasks  # noqa: E402

answer_list(tasks, sys.argv[1:])
namespace = collection(sys.argv[1:])
