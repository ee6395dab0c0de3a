"""Tasks for Invoke: `invoke --list` shows them. All of them live in clusterbook.cli."""

import sys

from clusterbook.cli.lean import keep_compiled

keep_compiled()

from clusterbook.cli.listing import answer_list  # noqa: E402
from clusterbook.cli.namespace import for_invoke, tasks  # noqa: E402

answer_list(tasks, sys.argv[1:])
namespace = for_invoke(sys.argv[1:])
