"""AutoML: the search space, its samplers, early termination, the study, the automatic mode.

>>> from tintype import automl
>>> from tintype.sweep import BanditPolicy, Choice, Uniform
>>> job = automl.image_classification(
...     training_data=automl.Input(path="./train", type="mltable"), target_column_name="label"
... )
>>> job.set_limits(max_trials=10, max_concurrent_trials=2)
>>> job.extend_search_space(
...     automl.SearchSpace(model_name=Choice(["vitb16r224"]), learning_rate=Uniform(0.001, 0.01))
... )
>>> job.set_sweep(sampling_algorithm="random", early_termination=BanditPolicy(slack_factor=0.2))
>>> job.document().mode
'manual'
"""

from tintype.automl.builder import (
    ClassificationMultilabelPrimaryMetrics,
    ClassificationPrimaryMetrics,
    ImageJob,
    Input,
    SearchSpace,
    image_classification,
    image_classification_multilabel,
)

__all__ = [
    "ClassificationMultilabelPrimaryMetrics",
    "ClassificationPrimaryMetrics",
    "ImageJob",
    "Input",
    "SearchSpace",
    "image_classification",
    "image_classification_multilabel",
]
