"""Documents: what YAML and JSON may say. Pydantic models and the reader that points at lines."""
