"""Connections to hosts: SSH (the only user of Fabric) and the local machine, behind one interface."""

import logging

from clusterbook.transport.lean import load_paramiko

load_paramiko()
# What it logs comes as an exception too, which is explained; without a handler Python writes tracebacks to the screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

from clusterbook.transport.connect import Connector, connect  # noqa: E402
from clusterbook.transport.protocol import Become, Channel, Completed, Connection, Options, run  # noqa: E402
from clusterbook.transport.settings import become_of  # noqa: E402

__all__ = [
    "Become",
    "Channel",
    "Completed",
    "Connection",
    "Connector",
    "Options",
    "become_of",
    "connect",
    "run",
]
