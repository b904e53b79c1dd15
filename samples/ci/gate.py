"""Write a pipeline's metrics as Markdown, and fail where one is below a bar.

python samples/ci/gate.py JOB --metric accuracy --least 0.9 --report report.md
"""

import argparse
import sys
from pathlib import Path

import tintype

parser = argparse.ArgumentParser()
parser.add_argument("job")
parser.add_argument("--metric", required=True)
parser.add_argument("--least", type=float, required=True)
parser.add_argument("--report", type=Path, required=True)
given = parser.parse_args()

jobs = tintype.Client().jobs
run = jobs.get(given.job)
value = run.metrics.get(given.metric)
passed = run.status == "Completed" and value is not None and value >= given.least
lines = [
    f"### Pipeline {run.name}: {'passed' if passed else 'stopped'}",
    "",
    f"`{given.metric}` {'is missing' if value is None else f'{value:.4f}'}; "
    f"the bar is {given.least:g}. The pipeline is {run.status.lower()}.",
    "",
    "| node | status | reused |",
    "|---|---|---|",
]
for child in jobs.list(parent_job_name=run.name):
    reused = "yes" if child.properties.get("azureml.isreused") else ""
    lines.append(f"| {child.display_name} | {child.status} | {reused} |")
if run.error:
    lines += ["", "```", run.error, "```"]
given.report.write_text("\n".join(lines) + "\n", "utf-8")
print(lines[2])
sys.exit(0 if passed else 1)
