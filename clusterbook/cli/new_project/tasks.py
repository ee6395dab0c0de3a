"""Tasks for Invoke: `invoke --list` shows them. Add your own below; `clusterbook` knows those of clusterbook alone."""

import sys

from clusterbook.cli.listing import answer_list
from clusterbook.cli.namespace import for_invoke, tasks

answer_list(tasks, sys.argv[1:])
namespace = for_invoke(sys.argv[1:])
