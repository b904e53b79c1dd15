"""A module a step. One that was released never changes; a new one follows it."""
