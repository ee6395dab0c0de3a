"""Shows a run to people (terminal, plain lines) and to programs (JSON lines), from its events.

choose.py says which report fits an output. Nothing is imported here: what draws is loaded when something is shown.
"""
