"""Nearest neighbours and near-duplicates among the image embeddings of a batch run."""

from tintype.similarity.grouping import Group
from tintype.similarity.index import Neighbours, SimilarityIndex, neighbours_of_rows, open_index
from tintype.similarity.table import EmbeddingTable, TableRow

__all__ = [
    "EmbeddingTable",
    "Group",
    "Neighbours",
    "SimilarityIndex",
    "TableRow",
    "neighbours_of_rows",
    "open_index",
]
