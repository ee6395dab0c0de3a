"""The cluster as a whole: its store, secrets, certificates, specification, artifacts and health."""
