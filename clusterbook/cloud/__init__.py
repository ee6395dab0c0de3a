"""EC2 for clusters: what is wanted, what is there, and the way from one to the other."""
