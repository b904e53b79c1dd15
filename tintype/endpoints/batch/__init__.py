"""Batch endpoints: a model applied to files, as a job."""
