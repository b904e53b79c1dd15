"""Sweeps over a command: checked in seconds, then run."""
