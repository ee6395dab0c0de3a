"""Files that people write, read safely, with the position of every value.

Only this loader makes `Template` values: text that holds an expression becomes one, other text is plain for ever.
"""

from clusterbook.source.excerpts import excerpt, printable
from clusterbook.source.files import read_bytes, read_text
from clusterbook.source.load import load, load_text
from clusterbook.source.places import place_of
from clusterbook.source.values import SourceMapping, SourceSequence, UnreadVariables, chosen, position_of, text_value
from clusterbook.source.vault import Vault, VaultKey, is_encrypted

__all__ = [
    "SourceMapping",
    "SourceSequence",
    "UnreadVariables",
    "Vault",
    "VaultKey",
    "chosen",
    "excerpt",
    "is_encrypted",
    "load",
    "load_text",
    "place_of",
    "position_of",
    "printable",
    "read_bytes",
    "read_text",
    "text_value",
]
