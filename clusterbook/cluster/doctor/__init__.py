"""What is wrong with a cluster and why: one look at every host and at the API, then rules that name causes."""
