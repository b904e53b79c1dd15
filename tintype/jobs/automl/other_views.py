"""What a network says of other views of images: members that ensembles may choose, judged as any other
(test-time views; Krizhevsky et al. 2012, section 4.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.images.loading import iterate_pixels
from tintype.images.views import OTHER_VIEWS, as_seen
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.view import View
from tintype.scoring.scorer import Scorer
from tintype.settings import get_settings

__all__ = ["probabilities_of_other_views"]


def probabilities_of_other_views(model_folder: Path, table: ImageTable) -> dict[View, np.ndarray]:
    """float32 (n, classes) by each view but the whole, of the images of `table` that can be read.

    Raises:
        ModelError: the model gave NaN or infinity.
    """
    # A few passes over a part of the data are not worth a conversion.
    scorer = Scorer.load(model_folder, ScorerOptions(runtime="torch", exact=False))
    found: dict[View, list[np.ndarray]] = {view: [] for view in OTHER_VIEWS}
    for batch in iterate_pixels(
        table.locations(),
        scorer.preprocessor,
        batch_size=scorer.batch_size,
        threads=get_settings().cpu_threads,
        exact=False,
    ):
        if len(batch.rows):
            for view, rows in found.items():
                outputs = scorer.run(as_seen(batch.pixels, view))
                rows.extend(prediction.probs for prediction in scorer.predictions(outputs))
    empty = np.zeros((0, len(scorer.classes)), np.float32)
    return {view: np.stack(rows) if rows else empty for view, rows in found.items()}
