"""Certificates that a server on this machine signs for itself."""

from __future__ import annotations

import subprocess
from pathlib import Path


def write_certificate(certificate: Path, private_key: Path, name: str) -> None:
    """PEM files for `name`, such as DNS:localhost or IP:127.0.0.1, good for two days."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={name.partition(':')[2]}",
            "-addext",
            f"subjectAltName={name}",
            "-keyout",
            private_key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
