"""Online endpoints and deployments from Python: `Client().online_endpoints` and `.online_deployments`."""

from __future__ import annotations

import itertools
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tintype.endpoints.online.control import ask_daemon
from tintype.endpoints.online.daemon_config import load_config
from tintype.endpoints.online.keys import digest_of, new_key
from tintype.errors import OutputError, RunFailed, UsageError
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.document import Document, apply_overrides
from tintype.schemas.online_deployment import (
    OnlineDeploymentDocument,
    load_online_deployment,
    read_online_deployment,
)
from tintype.schemas.online_endpoint import (
    OnlineEndpointDocument,
    load_online_endpoint,
    read_online_endpoint,
)
from tintype.workspace.credentials import forget_keys, load_keys, save_keys
from tintype.workspace.endpoints import EndpointStore
from tintype.workspace.registry import resolve_model

__all__ = ["OnlineDeployments", "OnlineEndpoints"]

_POLL_SECONDS = 0.1

_UNDER_WAY = ("Creating", "Updating")


class OnlineEndpoints:
    """Stable addresses with keys."""

    def create_or_update(
        self, endpoint: OnlineEndpointDocument | str | Path, overrides: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Create an endpoint by a document or its YAML file; an existing one keeps its keys."""
        if not isinstance(endpoint, OnlineEndpointDocument):
            endpoint = load_online_endpoint(Path(endpoint), overrides)
        keys = {"primary": new_key(), "secondary": new_key()}
        digests = {name: digest_of(key) for name, key in keys.items()}
        known = {record["name"] for record in self.list()}
        shown: dict[str, Any] = ask_daemon(
            "put-endpoint", document=_written(endpoint), key_digests=digests
        )
        if endpoint.name not in known:
            save_keys(endpoint.name, keys)
        return shown

    def update(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change keys of an endpoint's document, such as `traffic`."""
        shown = self.get(name)
        kept = (
            "name",
            "description",
            "tags",
            "properties",
            "traffic",
            "mirror_traffic",
            "rate_limit",
        )
        document = {key: shown[key] for key in kept if shown[key] is not None} | changes
        if "traffic" in changes and "mirror_traffic" not in changes:
            # A deployment that now takes live traffic gets no copies any more.
            live = {key for key, share in document["traffic"].items() if share}
            mirror = document.get("mirror_traffic", {})
            document["mirror_traffic"] = {k: v for k, v in mirror.items() if k not in live}
        checked = read_online_endpoint(Document(document))
        updated: dict[str, Any] = ask_daemon(
            "put-endpoint", document=_written(checked), key_digests={}, update=True
        )
        return updated

    def get(self, name: str) -> dict[str, Any]:
        """One endpoint.

        Raises:
            UsageError: there is none of that name.
        """
        shown: dict[str, Any] = ask_daemon("get-endpoint", name=name)
        return shown

    def list(self) -> list[dict[str, Any]]:
        """All endpoints, by name."""
        shown: list[dict[str, Any]] = ask_daemon("list-endpoints")
        return shown

    def delete(self, name: str) -> None:
        """Remove an endpoint with its deployments, after what they have under way."""
        ask_daemon("delete-endpoint", name=name)
        forget_keys(name)

    def get_keys(self, name: str) -> dict[str, str]:
        """`primaryKey` and `secondaryKey`, where they were made in this workspace."""
        self.get(name)
        keys = load_keys(name)
        return {"primaryKey": keys["primary"], "secondaryKey": keys["secondary"]}

    def regenerate_keys(self, name: str, key_type: str = "primary") -> dict[str, str]:
        """Replace one key; the other goes on, so that callers can change over without a gap.

        Raises:
            UsageError: neither primary nor secondary.
        """
        if key_type not in ("primary", "secondary"):
            raise UsageError(f"key type {key_type!r}: expected primary or secondary")
        self.get(name)
        key = new_key()
        ask_daemon("set-key", name=name, which=key_type, digest=digest_of(key))
        try:
            keys = load_keys(name)
        except UsageError:
            keys = {"primary": "", "secondary": ""}
        save_keys(name, {**keys, key_type: key})
        return self.get_keys(name)

    def invoke(
        self, name: str, request: bytes, *, deployment_name: str | None = None,
        content_type: str = "application/json",
    ) -> bytes:  # fmt: skip
        """POST `request` to the endpoint with its primary key; the answer's body.

        Raises:
            RunFailed: a status other than 200, with what the endpoint said.
            OutputError: the endpoint cannot be reached.
        """
        headers = {
            "Content-Type": content_type,
            "Authorization": f"Bearer {self.get_keys(name)['primaryKey']}",
        }
        if deployment_name is not None:
            headers["azureml-model-deployment"] = deployment_name
        uri = self.get(name)["scoring_uri"]
        asked = urllib.request.Request(uri, request, headers, method="POST")
        certificate = load_config().certificate
        context = ssl.create_default_context(cafile=certificate) if certificate else None
        # The daemon is on this machine: a proxy of the environment has no business here.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(asked, timeout=300) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace")
            raise RunFailed(f"the endpoint answered {error.code}: {said}") from None
        except OSError as error:
            raise OutputError(f"cannot reach {uri}: {error}") from None


class OnlineDeployments:
    """Models behind endpoints."""

    def create(
        self,
        deployment: OnlineDeploymentDocument | str | Path,
        overrides: Sequence[str] = (),
        *,
        all_traffic: bool = False,
        wait: bool = True,
        tell: Callable[[str], object] = lambda line: None,
    ) -> dict[str, Any]:
        """Create a deployment, and wait until it answers.

        Args:
            tell: receives a line whenever something is new.

        Raises:
            UsageError: there is one of that name, or the document, endpoint or model is wrong.
            RunFailed: its instances do not start; says why.
        """
        return self._put(deployment, overrides, True, all_traffic, wait, tell)

    def update(
        self,
        deployment: OnlineDeploymentDocument | str | Path,
        overrides: Sequence[str] = (),
        *,
        all_traffic: bool = False,
        wait: bool = True,
        tell: Callable[[str], object] = lambda line: None,
    ) -> dict[str, Any]:
        """Go over to a new document: the old instances answer until the new ones do.

        Raises:
            UsageError, RunFailed: as `create`; what served before goes on serving.
        """
        return self._put(deployment, overrides, False, all_traffic, wait, tell)

    def edited(
        self, name: str, endpoint_name: str, overrides: Sequence[str]
    ) -> OnlineDeploymentDocument:
        """The document of a deployment with `overrides` (`--set`) applied, to be given to `update`.

        Raises:
            UsageError: there is none of that name, or what came out is no deployment.
        """
        record = EndpointStore().deployment(endpoint_name, name)
        document = apply_overrides(Document(record.document), overrides)
        return read_online_deployment(document, Path.cwd())

    def get(self, name: str, endpoint_name: str) -> dict[str, Any]:
        """One deployment.

        Raises:
            UsageError: there is none of that name.
        """
        shown: dict[str, Any] = ask_daemon("get-deployment", endpoint=endpoint_name, name=name)
        return shown

    def list(self, endpoint_name: str) -> list[dict[str, Any]]:
        """All deployments of an endpoint, by name."""
        shown: list[dict[str, Any]] = ask_daemon("list-deployments", endpoint=endpoint_name)
        return shown

    def delete(self, name: str, endpoint_name: str) -> None:
        """Remove a deployment that takes no traffic, after what it has under way."""
        ask_daemon("delete-deployment", endpoint=endpoint_name, name=name)

    def get_logs(self, name: str, endpoint_name: str, *, lines: int = 5000) -> str:
        """The last lines that its instances wrote, the oldest instance first.

        Raises:
            UsageError: there is none of that name.
        """
        store = EndpointStore()
        store.deployment(endpoint_name, name)
        logs = (store.folder(endpoint_name, name) / "logs").glob("*.log")
        found: list[str] = []
        for path in sorted(logs, key=lambda path: path.stat().st_mtime):
            found += [
                f"{path.stem}: {line}" for line in path.read_text("utf-8", "replace").splitlines()
            ]
        return "\n".join(found[-lines:])

    def _put(
        self,
        deployment: OnlineDeploymentDocument | str | Path,
        overrides: Sequence[str],
        create: bool,
        all_traffic: bool,
        wait: bool,
        tell: Callable[[str], object],
    ) -> dict[str, Any]:
        if not isinstance(deployment, OnlineDeploymentDocument):
            deployment = load_online_deployment(Path(deployment), overrides)
        model = resolve_model(deployment.model_reference)
        check_obtainable(model)
        shown: dict[str, Any] = ask_daemon(
            "put-deployment",
            document=_written(deployment),
            model=model,
            create=create,
            all_traffic=all_traffic,
        )
        if not wait:
            return shown
        for shown in self._watched(deployment.name, deployment.endpoint_name, tell):
            if shown["provisioning_state"] not in _UNDER_WAY:
                break
        if shown["error"] is not None:
            raise RunFailed(f"deployment {deployment.name!r}: {shown['error']}")
        return shown

    def _watched(
        self, name: str, endpoint_name: str, tell: Callable[[str], object]
    ) -> Iterator[dict[str, Any]]:
        """The deployment as it is now, again and again; tells of changes."""
        told = ""
        for _ in itertools.count():
            shown = self.get(name, endpoint_name)
            states = [instance["state"] for instance in shown["instances"]]
            line = f"{shown['provisioning_state']}: {', '.join(states) or 'no instance yet'}"
            if line != told:
                tell(line)
                told = line
            yield shown
            time.sleep(_POLL_SECONDS)


def _written(document: OnlineEndpointDocument | OnlineDeploymentDocument) -> dict[str, Any]:
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)
