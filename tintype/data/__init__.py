"""Image tables: rows of image reference and labels, from every layout of docs/data.md."""

from tintype.data.checks import check_training_table, check_validation_table
from tintype.data.image_table import ImageTable
from tintype.data.reading import read_image_table
from tintype.data.splits import split_validation
from tintype.data.writing import write_jsonl, write_mltable

__all__ = [
    "ImageTable",
    "check_training_table",
    "check_validation_table",
    "read_image_table",
    "split_validation",
    "write_jsonl",
    "write_mltable",
]
