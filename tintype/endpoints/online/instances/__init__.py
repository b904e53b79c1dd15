"""The processes that hold a model each, and how they are started and talked to."""
