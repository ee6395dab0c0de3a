"""Inventories: hosts, groups and their variables from static files, and the patterns that choose hosts."""

from clusterbook.inventory.load import SourcedInventory, load
from clusterbook.inventory.locate import locate
from clusterbook.inventory.patterns import match, match_limit, matcher

__all__ = ["SourcedInventory", "load", "locate", "match", "match_limit", "matcher"]
