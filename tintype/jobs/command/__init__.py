"""Command lines of the user's own: their environment, their process, what they make."""
