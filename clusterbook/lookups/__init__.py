"""What the local machine evaluates for expressions: lookups, and the filters and tests that hosts cannot do alone."""

from clusterbook.lookups.machine import LocalMachine
from clusterbook.lookups.surroundings import Secretive, Surroundings

__all__ = ["LocalMachine", "Secretive", "Surroundings"]
