"""Labelling: projects of pictures, what people answered about them, suggestions, import and export."""
