"""Tasks for Invoke: `invoke --list` shows them. All of them live in clusterbook.cli."""

import sys

from clusterbook.cli.listing import answer_list
from clusterbook.cli.namespace import GROUPS, collection

answer_list(GROUPS, sys.argv[1:])
namespace = collection()
