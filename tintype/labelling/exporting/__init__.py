"""Labels out of a project: a file a format, and what all of them write."""
