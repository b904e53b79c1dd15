"""Browsers before the studio's routes, without a browser."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tintype.web.guard import Guard

__all__ = ["PASSWORD", "Visitor"]

PASSWORD = "a long enough one"


class Visitor:
    """A browser with a cookie and the token of its session."""

    def __init__(self, guard: Guard, host: str = "localhost") -> None:
        self.http = TestClient(guard, base_url=f"http://{host}", raise_server_exceptions=False)
        self.csrf = ""
        self.csrf = self.ask("GET", "/session")["csrf"]

    def ask(
        self, method: str, path: str, body: Any = None, *, status: int = 200, below: str = ""
    ) -> Any:
        """below: "/label" for what the labeller's page asks."""
        headers = {"x-csrf-token": self.csrf}
        answer = self.http.request(method, f"{below}/api{path}", json=body, headers=headers)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        assert "Traceback" not in answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    def refusal(
        self, method: str, path: str, status: int, body: Any = None, *, below: str = ""
    ) -> str:
        error = self.ask(method, path, body, status=status, below=below)["error"]
        assert error["code"] == status
        message: str = error["message"]
        return message

    def sign_in(
        self, name: str, password: str = PASSWORD, status: int = 200, *, below: str = ""
    ) -> None:
        body = {"name": name, "password": password}
        answer = self.ask("POST", "/session", body, status=status, below=below)
        self.csrf = answer.get("csrf", self.csrf)
