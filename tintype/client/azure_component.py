"""Components to be called in the `@pipeline` functions of azure-ai-ml.

Its decorator takes note of its own component objects only. Where a script has loaded that package, one is
made of ours; what the pipeline then says is read by `jobs/pipeline/graph.py`.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import yaml

from tintype.workspace.components import Component

__all__ = ["callable_component"]

_SCHEMA = "https://azuremlschemas.azureedge.net/latest/{type}Component.schema.json"


def callable_component(component: Component) -> Any:
    """A component of azure-ai-ml where a script has loaded that package, else `component` itself."""
    if "azure.ai.ml" not in sys.modules:
        return component
    from azure.ai.ml import load_component

    shown = component.shown()
    kept = ("name", "version", "type", "display_name", "description", "outputs", "command")
    document = {key: shown[key] for key in kept if shown.get(key)}
    document["$schema"] = _SCHEMA.format(type=component.type)
    if component.type == "pipeline":
        # Whatever is missing is told when the job is read, by name and with the fix.
        document["inputs"] = {
            name: {key: item for key, item in given.items() if key != "default"}
            | {"optional": True}
            for name, given in component.inputs.items()
        }
        document["jobs"] = component.jobs or {}
    else:
        document |= {key: shown[key] for key in ("code", "environment") if shown.get(key)}
        document["inputs"] = component.inputs
    return load_component(io.StringIO(yaml.safe_dump(document, sort_keys=False)))
