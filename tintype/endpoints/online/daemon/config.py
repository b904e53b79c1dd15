"""Where the daemon listens, and the key of its metrics: kept, so that addresses stay the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tintype.endpoints.online.gateway.http_server import Tls, address_of
from tintype.endpoints.online.gateway.keys import new_key
from tintype.errors import OutputError
from tintype.files import write_json
from tintype.settings import get_settings

__all__ = ["DaemonConfig", "load_config", "save_config"]

DEFAULT_PORT = 8080


@dataclass(frozen=True)
class DaemonConfig:
    """`<home>/daemon/daemon.json`."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: DEFAULT_PORT where it is free, else any; then kept."""
    certificate: str | None = None
    private_key: str | None = None
    metrics_key: str = ""
    """Bearer token of /metrics. Prometheus has to be given it: it is kept as it is, mode 0600."""

    @property
    def tls(self) -> Tls | None:
        """None: plain HTTP."""
        if self.certificate is None or self.private_key is None:
            return None
        return Tls(Path(self.certificate), Path(self.private_key))

    @property
    def address(self) -> str:
        """Base of every endpoint's URL."""
        # Listening everywhere is no address to call.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return address_of(host, self.port, self.tls)


def load_config() -> DaemonConfig:
    """The kept one, or a new one.

    Raises:
        OutputError: the file cannot be read.
    """
    path = _path()
    try:
        return DaemonConfig(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return replace(DaemonConfig(), metrics_key=new_key())
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"cannot read {path}: {error}; delete it to begin anew") from None


def save_config(config: DaemonConfig) -> None:
    """
    Raises:
        OutputError: the workspace cannot be written.
    """
    write_json(_path(), asdict(config), mode=0o600)


def _path() -> Path:
    return get_settings().home / "daemon" / "daemon.json"
