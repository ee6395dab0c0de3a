"""A small EC2 on this machine: moto answers AWS's API, and a real host of the lab stands behind each instance."""
