"""Shards on a Ray cluster: actors that hold the model, fed by Ray Data.

Every node must see the inputs, the model and the output folder under the same paths. An actor
commits a shard by itself; when its node dies, Ray Data gives the shard to another actor, which writes
the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tintype.batch.options import BatchOptions
from tintype.batch.plan import Plan, Shard, load_plan
from tintype.batch.shard_scoring import described, score_shards
from tintype.batch.shards import ShardFacts, ShardStore
from tintype.compute.ray_pool import connect, ray_share, reason_in_ray
from tintype.errors import MissingExtraError, TintypeError
from tintype.files import write_json
from tintype.schemas.scorer_options import ScorerOptions

__all__ = ["score_on_ray"]


def score_on_ray(
    model: str,
    scoring: ScorerOptions,
    shards: Sequence[Shard],
    store: ShardStore,
    plan: Plan,
    options: BatchOptions,
) -> Iterator[ShardFacts]:
    """Score `shards` on a cluster; their facts in the order in which they are finished.

    Raises:
        MissingExtraError: Ray is not installed.
        TintypeError: the cluster cannot be used, or the work failed there; says why.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("compute: ray", "cluster") from None
    connect(ray, None if options.compute == "ray" else options.compute)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    data = ray.data.from_items([asdict(shard) for shard in shards], override_num_blocks=len(shards))
    scored = data.map_batches(
        ShardActor,
        fn_constructor_args=(model, scoring.model_dump(mode="json"), store, options),
        batch_size=1,
        concurrency=options.actors,
        **ray_share(ray, options.actors),
    )
    begun = time.perf_counter()
    try:
        for row in scored.iter_rows():
            facts = store.facts(int(row["number"]))
            if facts is None:
                raise TintypeError(
                    f"a node wrote shard {row['number']} to a folder {store.work} of its own: all "
                    "nodes must share it"
                )
            # So that all seconds together are those that went by, however many actors there were.
            facts.seconds, begun = time.perf_counter() - begun, time.perf_counter()
            store.commit(facts)
            yield facts
    except ray.exceptions.RayError as error:
        raise TintypeError(reason_in_ray(str(error))) from None


class ShardActor:
    """What Ray Data runs: a loaded model that scores one shard a call."""

    def __init__(
        self, model: str, scoring: dict[str, Any], store: ShardStore, options: BatchOptions
    ) -> None:
        from tintype.scoring.scorer import Scorer

        plan = load_plan(store.work)
        if plan is None:
            raise TintypeError(
                f"this node does not see {store.work}: all nodes must share the output folder"
            )
        self._plan = plan
        self._store = store
        self._options = options
        self._scorer = Scorer.load(model, ScorerOptions.of(**scoring))
        write_json(store.work / "scorer.json", described(self._scorer))

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Score the one shard of `batch`, unless an actor that died had finished it."""
        shard = Shard(**{name: int(values[0]) for name, values in batch.items()})
        if not self._store.is_committed(shard.number):
            for _ in score_shards(self._scorer, [shard], self._store, self._plan, self._options):
                pass
        return {"number": [shard.number]}
