"""Serving one model in this process, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from tintype.endpoints.online.app import ServerOptions, create_app
from tintype.endpoints.online.keys import read_key
from tintype.errors import OutputError
from tintype.schemas.wire import parse_style
from tintype.scoring.scorer import Scorer

__all__ = ["serve_model"]

_DRAIN_SECONDS = 30


def serve_model(
    model: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    key_file: Path | None = None,
    style: str = "probs",
    timeout_ms: int = 5000,
    **loading: Any,
) -> None:
    """Load `model` and answer POST /score until SIGTERM or Ctrl-C; requests under way are finished.

    Args:
        model: model folder, Hub-format checkpoint or Hub id.
        port: 0 takes a free one; the line that is printed when the server is ready names it.
        key_file: see `read_key`; a key that is made up is printed once.
        loading: options of `Scorer.load`.

    Raises:
        CheckpointError, UsageError: the model, the key or an option cannot be used.
        OutputError: the address is in use or not allowed.
    """
    import uvicorn

    options = ServerOptions(style=parse_style(style), timeout_s=timeout_ms / 1000)
    key, shown = read_key(key_file)
    listener = _listen(host, port)
    scorer = Scorer.load(model, **loading)
    app = create_app(scorer, key, options)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("httpx", "huggingface_hub", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    address, bound = listener.getsockname()[:2]
    if shown is not None:
        print(f"Key (shown this once): {shown}", flush=True)
    print(
        f"Serving {scorer.task} ({_shown(scorer)}) at "
        f"http://{f'[{address}]' if ':' in address else address}:{bound}/score",
        flush=True,
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        timeout_keep_alive=15,
        h11_max_incomplete_event_size=64 * 1024,
    )
    # uvicorn drains on these signals and then raises them again: a drained end is a good end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        app.state.endpoint.batcher.close()


def _listen(host: str, port: int) -> socket.socket:
    """Taken before the model is loaded: a port in use is found at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OutputError(f"cannot listen on {host}:{port}: {error}") from None
    listener.listen(2048)
    return listener


def _shown(scorer: Scorer) -> str:
    classes = f"{len(scorer.classes)} classes, " if scorer.classes else ""
    choice = scorer.choice
    return f"{classes}{choice.precision} in {choice.runtime} on {choice.device}"
