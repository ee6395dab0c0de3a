"""The agent: the process on a host that runs a whole play. Standard library and Jinja2 only."""
