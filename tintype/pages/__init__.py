"""What pages are made of: libraries, components, and documents that hold all they need in one file."""

from tintype.pages.document import data_url, document

__all__ = ["data_url", "document"]
