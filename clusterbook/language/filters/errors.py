"""The one error of filters."""

from __future__ import annotations


class FilterError(Exception):
    """A filter was given something that it cannot use."""
