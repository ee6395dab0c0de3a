"""Pictures for the README and the documentation, taken of the real thing: `make pictures`."""
