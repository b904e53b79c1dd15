"""Settings of this machine: where the workspace lies, limits, and where datastores are mounted.

Each field is read from the environment variable `TINTYPE_<FIELD>`, or else from the same key in
`<home>/settings.yaml`, or else takes the default written here. What a job does belongs in its
document, never here.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tintype.errors import DocumentError, UsageError, nearest

__all__ = ["Settings", "get_settings"]

# Settings that are one of a few words.
_CHOICES = {"grey16": ("used", "full", "clip")}


@dataclass(frozen=True)
class Settings:
    """One immutable reading of the settings; see each field's comment."""

    home: Path = field(default_factory=lambda: Path.home() / ".tintype")
    """The workspace folder: runs, registered models, caches. Created when first written."""

    tracking_uri: str = ""
    """Any MLflow tracking URI. Empty: a sqlite file in `home`."""

    labelling_database: str = ""
    """Where labelling projects are kept: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/DATABASE
    where several machines share them. Empty: a sqlite file in `home`."""

    datastores: dict[str, str] = field(default_factory=dict)
    """Datastore name -> local folder, for `azureml://…/datastores/<name>/paths/<path>`.
    In the environment, a JSON object. The name `*` stands for every name not listed."""

    allow_urls: bool = True
    """Whether images may be given as http(s) URLs (public addresses only, always guarded)."""

    private_webhooks: bool = False
    """Whether alarms of monitors may be posted to addresses that are not public, such as a chat server of one's own."""

    threads: int = 0
    """CPU threads for the whole process. 0: as many as this process may run on."""

    runtime: str = "auto"
    """What executes models where nothing else is asked for: auto, torch, torch-compile,
    openvino or onnxruntime."""

    precision: str = "auto"
    """What models compute in where nothing else is asked for: auto, fp32, bf16 or int8."""

    max_image_bytes: int = 64 * 1024 * 1024
    """An encoded image larger than this is refused unread."""

    max_image_pixels: int = 100_000_000
    """An image with more pixels than this (by its header) is refused undecoded."""

    grey16: str = "used"
    """How 16-bit grey becomes 8 bits: used (scaled by the smallest of 8, 10, 12, 14, 16 bits that holds
    the image's maximum), full (0..65535 to 0..255) or clip (above 255 is 255). Training and scoring
    must agree; of dark pictures of one camera, `full` keeps the brightness comparable."""

    max_decoding_pixels: int = 100_000_000
    """Pixels of all images that a process decodes at once; what is more waits for its turn. A pixel
    takes 3 to 11 bytes while it is decoded."""

    max_request_bytes: int = 100 * 1024 * 1024
    """Largest HTTP request body a server reads (Azure's containers allow 100 MB)."""

    max_request_rows: int = 1024
    """Most rows in one HTTP request."""

    max_bytes_in_flight: int = 1024 * 1024 * 1024
    """Bodies of all requests that a server holds at once; above, 429."""

    cache_bytes: int = 20_000_000_000
    """Decoded pixels of one image table are kept on disk up to this size; above, they are decoded
    anew in every epoch."""

    hub_endpoint: str = ""
    """Base URL of the Hugging Face Hub or a mirror. Empty: huggingface_hub's own default."""

    offline: bool = False
    """True: never reach the Hub; only local folders and what is already cached."""

    @property
    def cpu_threads(self) -> int:
        """Threads this process may use: `threads`, or the CPUs it is allowed to run on."""
        if self.threads:
            return self.threads
        # macOS has no affinity; containers on Linux have, and it is less than the CPUs there are.
        allowed = getattr(os, "sched_getaffinity", None)
        return len(allowed(0)) if allowed else os.cpu_count() or 1

    def environment(self) -> dict[str, str]:
        """Variables by which a process that works in another folder finds the same places."""
        variables = {"TINTYPE_HOME": str(self.home)}
        if self.datastores:
            folders = {name: os.path.abspath(path) for name, path in self.datastores.items()}
            variables["TINTYPE_DATASTORES"] = json.dumps(folders)
        kind = "sqlite:///" if self.tracking_uri.startswith("sqlite:///") else ""
        if kind or (self.tracking_uri and ":" not in self.tracking_uri):
            path = os.path.abspath(self.tracking_uri.removeprefix(kind))
            variables["TINTYPE_TRACKING_URI"] = kind + path
        return variables

    @property
    def resolved_tracking_uri(self) -> str:
        """`tracking_uri`, or the sqlite file in `home` when that is empty."""
        return self.tracking_uri or f"sqlite:///{self.home / 'mlflow.db'}"


def get_settings() -> Settings:
    """Read the settings now (environment, then `<home>/settings.yaml`, then defaults).

    Raises:
        UsageError: a variable has the wrong type.
        DocumentError: settings.yaml is not a mapping, or has an unknown key.
    """
    home = Path(os.environ.get("TINTYPE_HOME") or Path.home() / ".tintype").expanduser().absolute()
    values: dict[str, Any] = _read_file(home / "settings.yaml")
    for item in dataclasses.fields(Settings):
        raw = os.environ.get(f"TINTYPE_{item.name.upper()}")
        if raw is not None and item.name != "home":
            values[item.name] = _from_text(item.name, raw)
    return Settings(home=home, **values)


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
    except yaml.YAMLError as error:
        raise DocumentError(f"not valid YAML: {error}", file=path) from None
    if not isinstance(content, dict):
        raise DocumentError("expected a mapping of setting names to values", file=path)
    valid = {item.name for item in dataclasses.fields(Settings)} - {"home"}
    values = {}
    for key, value in content.items():
        if key not in valid:
            raise DocumentError(f"unknown setting.{nearest(str(key), valid)}", file=path, field=key)
        values[key] = value if isinstance(value, dict) else _from_text(key, str(value))
    return values


def _from_text(name: str, raw: str) -> Any:
    kind = {item.name: str(item.type) for item in dataclasses.fields(Settings)}[name]
    if name in _CHOICES and raw not in _CHOICES[name]:
        expected = ", ".join(_CHOICES[name])
        raise UsageError(f"setting TINTYPE_{name.upper()}={raw!r}: expected one of {expected}")
    try:
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                raw.strip().lower()
            ]
        if kind == "int":
            return int(raw)
        if kind.startswith("dict"):
            mapping = json.loads(raw)
            return {str(key): str(value) for key, value in mapping.items()}
    except (KeyError, ValueError, AttributeError):
        raise UsageError(f"setting TINTYPE_{name.upper()}={raw!r}: expected {kind}") from None
    return raw
