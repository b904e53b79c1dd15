"""Batch scoring: any number of images, in bounded memory, each row exactly once."""
