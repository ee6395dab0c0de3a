"""Tasks for Invoke: `invoke --list` shows them. Add your own below; `clusterbook` knows those of clusterbook alone."""

import sys

from clusterbook.cli.listing import answer_list
from clusterbook.cli.namespace import collection, tasks

answer_list(tasks, sys.argv[1:])
namespace = collection(sys.argv[1:])
