"""What a network says of images mirrored left to right: a member that ensembles may choose (test-time
flips, Krizhevsky et al. 2012, section 4.1), judged as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.images.loading import iterate_pixels
from tintype.schemas.scorer_options import ScorerOptions
from tintype.scoring.scorer import Scorer
from tintype.settings import get_settings

__all__ = ["mirrored_probabilities"]


def mirrored_probabilities(model_folder: Path, table: ImageTable) -> np.ndarray:
    """float32 (n, classes) of the images of `table` that can be read, mirrored, in its order.

    Raises:
        ModelError: the model gave NaN or infinity.
    """
    # One pass over a part of the data is not worth a conversion.
    scorer = Scorer.load(model_folder, ScorerOptions(runtime="torch", exact=False))
    batches = iterate_pixels(
        table.locations(),
        scorer.preprocessor,
        batch_size=scorer.batch_size,
        threads=get_settings().cpu_threads,
        exact=False,
    )
    found = [
        prediction.probs
        for batch in batches
        if len(batch.rows)
        for prediction in scorer.predictions(
            scorer.run(np.ascontiguousarray(batch.pixels[:, :, ::-1]))
        )
    ]
    return np.stack(found) if found else np.zeros((0, len(scorer.classes)), np.float32)
