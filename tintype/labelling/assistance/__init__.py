"""What helps people to label: which picture comes next, what it may be, and how far that can be trusted."""
