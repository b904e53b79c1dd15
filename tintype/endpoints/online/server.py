"""`tintype serve`: one model in this process, until it is told to stop."""

from __future__ import annotations

from pathlib import Path

from tintype.endpoints.online.calls import parse_row_errors
from tintype.endpoints.online.gateway.http_server import (
    Tls,
    address_of,
    end_well_on_signals,
    http_server,
    listen,
    log_to_stderr,
)
from tintype.endpoints.online.gateway.keys import read_key
from tintype.endpoints.online.in_process import ServerOptions, create_app
from tintype.endpoints.online.instances.model_service import open_text_tower
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.wire import parse_style
from tintype.scoring.scorer import Scorer

__all__ = ["serve_model"]


def serve_model(
    model: str | Path,
    scoring: ScorerOptions | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    key_file: Path | None = None,
    style: str = "probs",
    on_row_error: str = "fail",
    timeout_ms: int = 5000,
    tls: Tls | None = None,
) -> None:
    """Load `model` and answer POST /score until SIGTERM or Ctrl-C; requests under way are finished.

    Args:
        model: model folder, Hub-format checkpoint or Hub id.
        scoring: how it scores; None takes every default.
        port: 0 takes a free one; the line that is printed when the server is ready names it.
        key_file: see `read_key`; a key that is made up is printed once.

    Raises:
        CheckpointError, UsageError: the model, the key or an option cannot be used.
        OutputError: the address is in use or not allowed.
    """
    options = ServerOptions(
        style=parse_style(style),
        on_row_error=parse_row_errors(on_row_error),
        timeout_s=timeout_ms / 1000,
    )
    keys, shown = read_key(key_file)
    if tls is not None:
        tls.check()
    listener = listen(host, port)
    scorer = Scorer.load(model, scoring)
    app, service = create_app(scorer, keys, options)
    log_to_stderr()
    open_text_tower(scorer)
    if shown is not None:
        print(f"Key (shown this once): {shown}", flush=True)
    address, bound = listener.getsockname()[:2]
    print(
        f"Serving {scorer.task} ({_shown(scorer)}) at {address_of(address, bound, tls)}/score",
        flush=True,
    )
    end_well_on_signals()
    try:
        http_server(app, tls).run(sockets=[listener])
    finally:
        service.close()


def _shown(scorer: Scorer) -> str:
    classes = f"{len(scorer.classes)} classes, " if scorer.classes else ""
    choice = scorer.choice
    return f"{classes}{choice.precision} in {choice.runtime} on {choice.device}"
