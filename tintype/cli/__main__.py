"""`python -m tintype.cli`: the command line where the script `tintype` is not on the path."""

from __future__ import annotations

from tintype.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
