"""Pipelines: a document becomes a graph of steps, and each step a run."""
