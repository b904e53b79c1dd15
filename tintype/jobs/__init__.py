"""A job document becomes a run: submit, stream, cancel, resume, download."""
