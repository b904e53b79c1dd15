"""The control plane: one process of a workspace keeps its endpoints as their records say."""
