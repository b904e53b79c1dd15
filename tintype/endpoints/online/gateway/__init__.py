"""The data plane: HTTP in, a deployment's answer out; keys, traffic, limits."""
