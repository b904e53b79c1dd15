"""A head trained on features that its frozen backbone computes once: by itself, or before the rest."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from tintype.models.classifier import head_features, head_of
from tintype.training.checkpoints import load_best
from tintype.training.heads import StandardisedHead
from tintype.training.inputs import FeatureInputs
from tintype.training.plan import plan_of_head
from tintype.training.training_job import Trained, TrainingJob

__all__ = ["HEAD_FOLDER", "train_head", "train_head_first"]

HEAD_FOLDER = "head"
"""Among a training's checkpoints: those of a head that is fitted first."""


def train_head(job: TrainingJob, model: Any) -> Trained:
    """Train the head alone, on features that the frozen backbone computes once."""
    model.to(job.device).eval()
    train, validation = (
        FeatureInputs(
            table,
            digests,
            job.preprocessor,
            partial(head_features, model),
            backbone_digest=f"{job.source.weights_digest}-{job.plan.parameters.pooling}",
            settings=job.settings,
            device=job.device,
            precision=torch.float32 if job.plan.precision == "fp32" else torch.bfloat16,
        )
        for table, digests in zip((job.train, job.validation), job.digests, strict=True)
    )
    head = head_of(model)
    learner = StandardisedHead(head, train.gather(np.arange(len(job.train))))
    loop = job.loop(learner, (train, validation), lambda network, features: network(features))
    state = loop.run()
    logits = load_best(job.checkpoints, learner)
    head.load_state_dict(learner.folded().state_dict())
    return Trained(model, state, logits)


def train_head_first(job: TrainingJob, model: Any) -> Any:
    """The head alone, before all weights learn from there (LP-FT, Kumar et al. 2022)."""
    plan = plan_of_head(job.plan, rows=len(job.train), device=job.device)
    # Its evaluations are not those of the model that is being made.
    first = replace(
        job, plan=plan, checkpoints=job.checkpoints / HEAD_FOLDER, log=lambda event: None
    )
    trained = train_head(first, model)
    reached = f"{plan.metric} {trained.state.best_metric:.4f}"
    message = f"the head alone reached {reached}; now the rest learns"
    job.log({"event": "notice", "message": message})
    return trained.model
