"""The job's side of a sweep: its runs, trials, models, report. The sweep itself is in `tintype.automl`."""
