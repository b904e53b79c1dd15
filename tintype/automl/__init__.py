"""AutoML: the search space, its samplers, early termination, the study, the automatic mode."""
