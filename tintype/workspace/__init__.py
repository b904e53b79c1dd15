"""Where things are kept: runs with their outputs, and registered models."""
