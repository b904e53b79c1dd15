"""Deploy a challenger that is better, shift the traffic to it, and make it the champion.

Run again after it was ended, it goes on where it was.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import tintype

parser = argparse.ArgumentParser()
for name in ("compared", "endpoint", "steps", "every", "bounds"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--min-requests", type=int, required=True)
given = parser.parse_args()

compared = json.loads(Path(given.compared, "comparison.json").read_text("utf-8"))
if compared["promoted"] is None:
    print(f"{compared['verdict']}: the champion stays")
    sys.exit(0)
client = tintype.Client()
name, version = compared["registered"].removeprefix("azureml:").split(":")
endpoints, deployments = client.online_endpoints, client.online_deployments
challenger = ("version-" + re.sub(r"[^A-Za-z0-9]+", "-", version))[:32].strip("-")
known = [deployment.name for deployment in deployments.list(given.endpoint)]
begun = [
    shift
    for shift in endpoints.list_shifts(given.endpoint)
    if shift.to == challenger and shift.status in ("running", "completed")
]
if not begun:
    if challenger not in known:
        # As the champion's in everything but the model.
        traffic = endpoints.get(given.endpoint).traffic
        deployment = deployments.get(max(traffic, key=traffic.get), given.endpoint)
        deployment.name, deployment.model = challenger, compared["registered"]
        deployments.create(deployment)
    endpoints.shift(
        {
            "endpoint": given.endpoint,
            "to": challenger,
            "steps": [int(step) for step in given.steps.split(",")],
            "every": given.every,
            "min_requests": given.min_requests,
            "bounds": dict(bound.split("=") for bound in given.bounds.split(",")),
        }
    )
percent = -1
while (shift := endpoints.show_shift(given.endpoint)).status == "running":
    if shift.percent != percent:
        percent = shift.percent
        print(f"{challenger} has {percent} percent of the traffic", flush=True)
    time.sleep(1)
print(f"{shift.status}: {shift.reason}")
if shift.status != "completed":
    sys.exit(1)
champion = shift["from"]
if champion in known:
    deployments.delete(champion, given.endpoint)
client.models.set_alias(name, "champion", version)
print(f"{name}:{version} is the champion")
