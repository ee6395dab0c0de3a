"""The same playbooks by ansible-playbook and by clusterbook on twin hosts: `python -m tests.differential`.

A pair of hosts belongs to each tool. Every playbook of `playbooks/` runs three times on bare hosts, in check mode,
then twice for real; after each run the exit status, the counts of the recap, and all that changed on the hosts
(files with mode, owner and content; accounts through their files; units; packages) and on the local machine must be
the same for both.
"""
