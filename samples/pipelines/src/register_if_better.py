"""Register a model when its metric beats that of the version that is registered now."""

import argparse
import json
from pathlib import Path

import tintype

parser = argparse.ArgumentParser()
for name in ("model", "evaluation", "name", "metric", "verdict"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--least", type=float, required=True)
given = parser.parse_args()

metrics = json.loads(Path(given.evaluation, "metrics.json").read_text("utf-8"))["metrics"]
value = float(metrics[given.metric])
client = tintype.Client()
# The version that is registered now keeps its metric as a tag.
known = [model for model in client.models.list() if model.name == given.name]
best = float(known[0].tags.get(given.metric, "-inf")) if known else float("-inf")
better = value > best and value >= given.least
if better:
    client.models.create_or_update(
        {"name": given.name, "path": given.model, "tags": {given.metric: str(value)}}
    )
verdict = {"registered": better, "metric": given.metric, "value": value, "before": best}
Path(given.verdict).write_text(json.dumps(verdict).replace("-Infinity", "null"), "utf-8")
print(f"{given.metric} {value:.4f}, before {best:.4f}: {'registered' if better else 'kept'}")
