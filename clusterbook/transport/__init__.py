"""Connections to hosts: SSH (the only user of Fabric) and the local machine, behind one interface."""

from clusterbook.transport.connect import Connector, connect
from clusterbook.transport.protocol import Become, Channel, Completed, Connection, Options, run
from clusterbook.transport.settings import become_of

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
