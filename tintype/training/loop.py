"""The training loop: one for full fine-tuning, LoRA and heads, on a CPU or a GPU.

Everything random at a step derives from (seed, step) or (seed, epoch), so a run that was killed
and resumed from a checkpoint computes what it would have computed uninterrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tintype.errors import RunCancelled, RunFailed, TintypeError
from tintype.progress import track
from tintype.training.averaging import MovingAverage, Snapshots, mix_snapshots
from tintype.training.checkpoints import (
    TrainerState,
    latest_checkpoint,
    load_checkpoint,
    prune_checkpoints,
    save_best,
    save_checkpoint,
)
from tintype.training.gathering import Gatherer
from tintype.training.losses import ClassificationLoss
from tintype.training.memory_guard import MemoryGuard, OutOfMemory
from tintype.training.mixing import BatchMixer
from tintype.training.optimizers import make_optimizer, make_schedule
from tintype.training.plan import TrainingPlan
from tintype.training.running_mean import RunningMean
from tintype.training.sampling import epoch_order
from tintype.training.validation import Split, Validator, autocast

__all__ = ["TrainingLoop"]

# Between evaluations a checkpoint is also written this often: what a kill can cost at most.
_CHECKPOINT_SECONDS = 600.0


class TrainingLoop:
    """Trains `model` by `plan`. Call `run` once."""

    def __init__(
        self,
        model: nn.Module,
        plan: TrainingPlan,
        *,
        train: Split,
        validation: Split,
        loss: ClassificationLoss,
        forward: Callable[[nn.Module, torch.Tensor], torch.Tensor],
        device: torch.device,
        folder: Path,
        fingerprint: str,
        log: Callable[[dict[str, Any]], None],
        cancelled: Callable[[], bool],
        finish: Callable[[], bool] = lambda: False,
        keep_statistics: bool = False,
        mixer: BatchMixer | None = None,
    ) -> None:
        """
        Args:
            forward: (model, finished batch) -> logits (n, classes).
            folder: where checkpoints go; the best weights too, see `checkpoints.load_best`.
            fingerprint: digest of everything a resume must have in common with this run.
            log: receives one dict for every evaluation and every logging event.
            cancelled: asked before every step.
            finish: asked before every step; True ends the training with the best found so far.
            keep_statistics: leave the running means and variances of batch normalisation as they
                are, and normalise by them in training, too.
            mixer: joins the images of a training batch, and their targets.
        """
        self._model = model.to(device)
        self._plan = plan
        self._train = train
        self._loss = loss.to(device)
        self._forward = forward
        self._device = device
        self._folder = folder
        self._log = log
        self._cancelled = cancelled
        self._finish = finish
        self._keep_statistics = keep_statistics
        self._mixer = mixer
        self._optimizer = make_optimizer(model, plan)
        self._schedule = make_schedule(self._optimizer, plan)
        self._scaler = torch.amp.GradScaler(device.type, enabled=plan.precision == "fp16")
        self._state = TrainerState(batch_size=plan.batch_size, fingerprint=fingerprint)
        # Two epochs: the next one's first rows are gathered while this one's last step runs.
        self._epoch_shares = lru_cache(maxsize=2)(self._shares_of_epoch)
        self._gatherer = Gatherer()
        self._gathering: dict[tuple[int, int], Callable[[], torch.Tensor]] = {}
        self._validator = Validator(plan, validation, forward, device, self._gatherer)
        decay = plan.parameters.ema_decay
        self._average = MovingAverage(model, decay) if decay else None
        self._snapshots = Snapshots(
            folder / "snapshots", plan.parameters.checkpoint_averaging_count
        )

    def run(self) -> TrainerState:
        """Train to the end, or to early stopping, from the last checkpoint where there is one.

        Raises:
            CheckpointError: the checkpoint to resume from is damaged.
            TintypeError: data or parameters are not those of the checkpoint found.
            RunCancelled: `cancelled` said so.
            RunFailed: the loss is not finite, or memory ran out.
            OutputError: a checkpoint could not be written.
        """
        try:
            state = self._run()
            self._mix()
            return state
        finally:
            self._gatherer.close()

    def _run(self) -> TrainerState:
        checkpoint = latest_checkpoint(self._folder)
        if checkpoint is not None:
            self._restore(checkpoint)
        plan, state = self._plan, self._state
        # The parameters give "epoch" a meaning in steps; evaluation and saving go together.
        every = plan.parameters.evaluation_steps
        last_save = time.monotonic()
        running = RunningMean()
        remaining = range(state.step, 0 if state.finished else plan.total_steps)
        for step in track(remaining, "training", len(remaining)):
            if self._cancelled():
                self._save()
                raise RunCancelled(f"cancelled after step {state.step} of {plan.total_steps}")
            if self._finish():
                if not state.history:
                    self._evaluate()
                break
            running.add(self._step(step), self._rows_of_step(step).size)
            state.step = step + 1
            if self._average is not None:
                self._average.update(state.step)
            last = state.step == plan.total_steps
            epoch_ends = state.step % plan.steps_per_epoch == 0
            by_epoch = plan.parameters.evaluation_strategy == "epoch"
            if self._logging_due(epoch_ends) or last:
                self._log(self._training_event(running))
                running = RunningMean()
            if last or (self._epoch_to_evaluate() if by_epoch else state.step % every == 0):
                self._evaluate()
                state.finished = last or self._should_stop()
                if state.finished or by_epoch or state.step % plan.parameters.save_steps == 0:
                    self._save()
                    last_save = time.monotonic()
                if state.finished:
                    break
            elif time.monotonic() - last_save > _CHECKPOINT_SECONDS:
                self._save()
                last_save = time.monotonic()
        return state

    # One optimizer step -------------------------------------------------------------------------

    def _rows_of_step(self, step: int) -> np.ndarray:
        epoch, position = divmod(step, self._plan.steps_per_epoch)
        return self._epoch_shares(epoch)[position]

    def _shares_of_epoch(self, epoch: int) -> list[np.ndarray]:
        parameters = self._plan.parameters
        order = epoch_order(
            self._train.targets,
            balanced=parameters.class_balance == "sampling",
            seed=parameters.random_seed,
            epoch=epoch,
        )
        # Even shares: no batch of one row, which batch normalisation could not take.
        return np.array_split(order, self._plan.steps_per_epoch)

    def _parts_of_step(self, step: int) -> list[np.ndarray]:
        rows = self._rows_of_step(step)
        return np.array_split(rows, max(1, -(-len(rows) // self._state.batch_size)))

    def _step(self, step: int) -> float:
        """Forward, backward and update; returns the mean loss over the step's rows."""
        while True:
            try:
                return self._try_step(step)
            except OutOfMemory:
                self._optimizer.zero_grad(set_to_none=True)
                self._state.batch_size //= 2
                self._gathering.clear()
                self._log({"event": "batch_size_halved", "batch_size": self._state.batch_size})

    def _try_step(self, step: int) -> float:
        torch.manual_seed(self._plan.parameters.random_seed * 1_000_003 + step)
        self._set_training_mode()
        rows = self._rows_of_step(step)
        parts = self._parts_of_step(step)
        total = torch.zeros((), device=self._device)
        for number, part in enumerate(parts):
            batch = self._gathered(step, number)
            targets = torch.from_numpy(self._train.targets[part]).to(self._device)
            with self._guard_memory(len(part)), autocast(self._device, self._plan):
                # A part's number keeps accumulated passes from drawing the same augmentation.
                draw = step * 1024 + number
                inputs = self._train.inputs.finish(batch, step=draw)
                if self._mixer is not None:
                    inputs, targets = self._mixer(inputs, targets, step=draw)
                loss = self._loss(self._forward(self._model, inputs), targets)
                loss = loss * (len(part) / len(rows))
            with self._guard_memory(len(part)):
                self._scaler.scale(loss).backward()
            total += loss.detach()
        value = float(total)
        if not math.isfinite(value):
            raise RunFailed(
                f"the loss became {value} at step {step + 1}; lower learning_rate "
                f"(now {self._plan.learning_rate:g}) or set precision: '32'"
            )
        self._scaler.unscale_(self._optimizer)
        if self._plan.max_grad_norm > 0:
            nn.utils.clip_grad_norm_(self._trainable(), self._plan.max_grad_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=True)
        return value

    def _trainable(self) -> list[nn.Parameter]:
        return [parameter for parameter in self._model.parameters() if parameter.requires_grad]

    def _set_training_mode(self) -> None:
        self._model.train()
        for module in self._model.modules():
            # Frozen normalisation keeps the statistics it was frozen with.
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and (
                self._keep_statistics
                or not any(parameter.requires_grad for parameter in module.parameters())
            ):
                module.eval()

    def _guard_memory(self, rows: int) -> MemoryGuard:
        automatic = self._plan.parameters.auto_find_batch_size
        automatic = automatic or self._plan.parameters.training_batch_size is None
        return MemoryGuard(may_retry=automatic and rows > 1)

    def _gathered(self, step: int, number: int) -> torch.Tensor:
        """Part `number` of `step` on the device; the part after it is gathered meanwhile."""
        parts = self._parts_of_step(step)
        gathered = self._gathering.pop((step, number), None)
        if gathered is None:
            gathered = self._ahead(step, parts[number])
        if number + 1 < len(parts):
            following, rows = (step, number + 1), parts[number + 1]
        else:
            following, rows = (step + 1, 0), self._parts_of_step(step + 1)[0]
        if following[0] < self._plan.total_steps:
            self._gathering[following] = self._ahead(following[0], rows)
        return gathered().to(self._device, non_blocking=True)

    def _ahead(self, step: int, rows: np.ndarray) -> Callable[[], torch.Tensor]:
        return self._gatherer.ahead(self._train.inputs, rows, step // self._plan.steps_per_epoch)

    # Evaluation ---------------------------------------------------------------------------------

    def _evaluate(self) -> None:
        """Score the validation split; keep the weights when they are the best so far.

        Where an average is kept, both it and the weights as they are are scored; the better counts.
        """
        state, parameters = self._state, self._plan.parameters
        measured, averaged = self._validator.measure(self._model), False
        if self._average is not None:
            with self._average.applied():
                of_average = self._validator.measure(self._model)
            if self._validator.better(of_average.metrics, measured.metrics):
                measured, averaged = of_average, True
        metrics = measured.metrics
        value = metrics.get(self._plan.metric)
        if value is None:
            raise RunFailed(
                f"metric_for_best_model {self._plan.metric!r} is undefined on this validation data"
            )
        event = {"event": "evaluation", "step": state.step, "epoch": self._epoch(), **metrics}
        if self._average is not None:
            event["weights"] = "ema" if averaged else "raw"
        improved = self._validator.improves(value, state.best_metric)
        if improved:
            state.best_metric, state.best_step = value, state.step
            state.best_metrics, state.averaged = metrics, ["ema"] if averaged else []
            state.evaluations_without_improvement = 0
        elif len(state.history) >= parameters.early_stopping_delay:
            state.evaluations_without_improvement += 1
        state.history.append(event)
        with self._average.applied() if self._average and averaged else nullcontext():
            if improved:
                save_best(self._folder, self._model, measured.logits)
            if parameters.checkpoint_averaging != "none":
                self._snapshots.keep(self._model, state.history, self._validator.better)
        self._log(event)

    def _mix(self) -> None:
        """Put the mean of the best evaluations' weights in the place of the best, where it wins."""
        mode, state = self._plan.parameters.checkpoint_averaging, self._state
        if mode == "none":
            return

        def measure(weights: dict[str, torch.Tensor]) -> dict[str, float]:
            self._model.load_state_dict(weights)
            return self._validator.measure(self._model).metrics

        mixed = mix_snapshots(
            self._snapshots,
            state.history,
            self._validator.better,
            measure,
            greedy=mode == "greedy",
        )
        if mixed is None:
            return
        weights, metrics, steps = mixed
        self._model.load_state_dict(weights)
        save_best(self._folder, self._model, self._validator.measure(self._model).logits)
        state.best_metric, state.best_metrics = metrics[self._plan.metric], metrics
        state.averaged = [f"after step {step}" for step in steps]
        self._log({"event": "averaged", "step": state.step, **metrics, "steps": steps})

    def _should_stop(self) -> bool:
        parameters = self._plan.parameters
        waited = self._state.evaluations_without_improvement
        return parameters.early_stopping and waited >= parameters.early_stopping_patience

    # Bookkeeping --------------------------------------------------------------------------------

    def _epoch(self) -> float:
        return round(self._state.step / self._plan.steps_per_epoch, 4)

    def _epoch_to_evaluate(self) -> bool:
        frequency = self._plan.parameters.evaluation_frequency
        return self._state.step % (self._plan.steps_per_epoch * frequency) == 0

    def _logging_due(self, epoch_ends: bool) -> bool:
        if self._plan.parameters.logging_strategy == "epoch":
            return epoch_ends
        return self._state.step % self._plan.parameters.logging_steps == 0

    def _training_event(self, running: RunningMean) -> dict[str, Any]:
        return {
            "event": "training",
            "step": self._state.step,
            "epoch": self._epoch(),
            "training_loss": running.mean,
            # The head's, where layers have rates of their own.
            "learning_rate": self._schedule.get_last_lr()[0],
            "images_per_second": running.rate,
        }

    def _save(self) -> None:
        save_checkpoint(
            self._folder,
            self._state,
            self._model,
            self._optimizer,
            self._schedule,
            average=self._average,
        )
        # Whatever the limit, the newest stays: it is what a resumed run needs.
        limit = self._plan.parameters.save_total_limit
        frequency = self._plan.parameters.checkpoint_frequency
        prune_checkpoints(
            self._folder,
            limit if limit < 0 else max(limit, 1),
            every=frequency * self._plan.steps_per_epoch if frequency else None,
        )

    def _restore(self, path: Path) -> None:
        expected = self._state.fingerprint
        self._state = load_checkpoint(
            path, self._model, self._optimizer, self._schedule, average=self._average
        )
        if self._state.fingerprint != expected:
            raise TintypeError(
                f"cannot resume from {path}: the data, the checkpoint or the parameters have "
                "changed since; start a new run, or put them back"
            )
        self._log({"event": "resumed", "step": self._state.step, "epoch": self._epoch()})
