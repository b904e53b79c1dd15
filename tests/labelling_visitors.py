"""People who ask the labelling server: clients with a cookie and the token of its session."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.asking import AskedAssistants
from tintype.labelling.database import Database
from tintype.labelling.server.app import create_labelling_app
from tintype.labelling.server.visitors import Labelling
from tintype.web.guard import Guard

__all__ = ["PASSWORD", "Person", "labelling_app"]

PASSWORD = "a long enough one"


def labelling_app(
    database: Database,
    assistants: AskedAssistants,
    *,
    local: bool,
    folders: AllowedFolders | None = None,
) -> Guard:
    """The application of a server with that store and those assistants."""
    labelling = Labelling(database, assistants, folders or AllowedFolders(), local=local)
    return create_labelling_app(lambda: labelling, local=local)


class Person:
    """A client with a cookie and the token of its session."""

    def __init__(self, app: Any, host: str = "localhost") -> None:
        self.http = TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False)
        self.csrf = self.http.get("/api/session").json()["csrf"]
        self._count = 0

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = self.http.request(
            method, f"/api{path}", json=body, headers={"x-csrf-token": self.csrf}
        )
        assert answer.status_code == status, answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"
        assert "Traceback" not in answer.text
        return answer.json()

    def sign_in(self, name: str, password: str = PASSWORD, status: int = 200) -> Any:
        body = {"name": name, "password": password}
        answer = self.ask("POST", "/session", body, status=status)
        self.csrf = answer.get("csrf", self.csrf)
        return answer

    def act(self, kind: str, *pictures: int, status: int = 200, **given: Any) -> Any:
        self._count += 1
        client_id = given.pop("client_id", f"{id(self)}-{self._count}")
        body = {"client_id": client_id, "kind": kind, "pictures": pictures, **given}
        return self.ask("POST", "/projects/fruit/actions", body, status=status)
