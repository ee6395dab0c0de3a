"""What a cluster is made of: one catalog, one lock, a cache by content, and four sources tried in order."""
