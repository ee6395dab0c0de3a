"""ansible-core's own integration targets, run by ansible-playbook and by clusterbook-playbook on equal hosts.

The targets come from ansible-core's source distribution, fetched into the cache when they are needed; nothing of them
is kept in this repository. See docs/compatibility.md for how to run it and for the results.
"""
