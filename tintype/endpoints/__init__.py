"""Stable addresses with keys: what serves models over HTTP."""
