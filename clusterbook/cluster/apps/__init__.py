"""Applications of a cluster: what a person asks for, the objects of Kubernetes that it becomes, and how it is."""
