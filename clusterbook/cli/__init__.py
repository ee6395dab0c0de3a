"""The command line: Invoke tasks by noun. Each parses, calls the library and shows; boundary.py handles errors."""
