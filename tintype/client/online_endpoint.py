"""Online endpoints from Python: `Client().online_endpoints`."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.client.records import EndpointKeys, Poller, Record
from tintype.endpoints.online.calls import Answer
from tintype.endpoints.online.daemon.config import load_config
from tintype.endpoints.online.daemon.control import ask_daemon
from tintype.endpoints.online.gateway.keys import digest_of, new_key
from tintype.errors import OutputError, RunFailed, UsageError
from tintype.schemas.document import Document
from tintype.schemas.online_endpoint import OnlineEndpointDocument, read_online_endpoint
from tintype.schemas.traffic_shift import (
    TrafficShiftDocument,
    load_traffic_shift,
    read_traffic_shift,
)
from tintype.workspace.credentials import forget_keys, load_keys, save_keys

__all__ = ["OnlineEndpoints"]


class OnlineEndpoints:
    """`client.online_endpoints`: stable addresses with keys."""

    def create_or_update(
        self, endpoint: OnlineEndpointDocument | Describes, overrides: Sequence[str] = ()
    ) -> Record:
        """Create an endpoint; an existing one keeps its keys.

        Args:
            endpoint: a YAML file, a document, what `get` gave, or a ManagedOnlineEndpoint of
                azure-ai-ml.

        Raises:
            UsageError: it cannot be used, or describes something else; nothing was made.
        """
        return self._put(_read(endpoint, overrides))

    def _put(self, endpoint: OnlineEndpointDocument) -> Record:
        keys = {"primary": new_key(), "secondary": new_key()}
        digests = {name: digest_of(key) for name, key in keys.items()}
        known = {record["name"] for record in self.list()}
        record = _record(
            ask_daemon("put-endpoint", document=_written(endpoint), key_digests=digests)
        )
        if endpoint.name not in known:
            save_keys(endpoint.name, keys)
        return record

    def update(self, name: str, changes: dict[str, Any]) -> Record:
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
        return _record(
            ask_daemon("put-endpoint", document=_written(checked), key_digests={}, update=True)
        )

    @not_found_as_azure
    def get(self, name: str) -> Record:
        """One endpoint.

        Raises:
            UsageError: there is none of that name.
        """
        return _record(ask_daemon("get-endpoint", name=name))

    def list(self) -> list[Record]:
        """All endpoints, by name."""
        return [_record(shown) for shown in ask_daemon("list-endpoints")]

    def metrics(self, name: str) -> dict[str, Any]:
        """Counts and times of its requests by deployment, since the daemon began.

        Returns:
            See `GatewayMetrics.of_endpoint`.

        Raises:
            UsageError: there is none of that name.
        """
        counted: dict[str, Any] = ask_daemon("get-metrics", name=name)
        return counted

    def delete(self, name: str) -> None:
        """Remove an endpoint with its deployments, after what they have under way."""
        ask_daemon("delete-endpoint", name=name)
        forget_keys(name)

    def shift(self, shift: TrafficShiftDocument | Mapping[str, Any] | str | Path) -> Record:
        """Begin to shift traffic to a challenger in steps; the daemon goes on with it, or back.

        >>> client.online_endpoints.shift({"endpoint": "photos", "to": "challenger"})  # doctest: +SKIP

        Args:
            shift: a document, a mapping of its keys, or its YAML file.

        Raises:
            UsageError: the document is wrong, a shift is under way, or there is no such deployment.
        """
        if isinstance(shift, str | Path):
            shift = load_traffic_shift(Path(shift))
        elif not isinstance(shift, TrafficShiftDocument):
            shift = read_traffic_shift(Document(dict(shift)))
        return Record(ask_daemon("start-shift", document=_written(shift)))

    def show_shift(self, name: str) -> Record:
        """The shift of an endpoint's traffic that is under way, or the last one, with what is measured.

        Raises:
            UsageError: there is no such endpoint, or it has never had one.
        """
        return Record(ask_daemon("get-shift", endpoint=name))

    def list_shifts(self, name: str) -> Sequence[Record]:
        """All shifts of an endpoint's traffic, the newest first."""
        return [Record(shown) for shown in ask_daemon("list-shifts", endpoint=name)]

    def cancel_shift(self, name: str) -> Record:
        """End the shift that is under way: the champion has all of the traffic again.

        Raises:
            UsageError: there is no such endpoint, or no shift is under way.
        """
        return Record(ask_daemon("cancel-shift", endpoint=name))

    def begin_create_or_update(
        self, endpoint: OnlineEndpointDocument | Describes, overrides: Sequence[str] = ()
    ) -> Poller[Record]:
        """`create_or_update`, without waiting for it.

        Raises:
            UsageError: what cannot be used, at once.
        """
        document = _read(endpoint, overrides)
        return Poller(lambda: self._put(document))

    def begin_delete(self, name: str) -> Poller[None]:
        """`delete`, without waiting for it."""
        return Poller(lambda: self.delete(name))

    def begin_regenerate_keys(
        self, name: str, *, key_type: str = "primary"
    ) -> Poller[EndpointKeys]:
        """`regenerate_keys`, as azure-ai-ml names it."""
        return Poller(lambda: self.regenerate_keys(name, key_type))

    def get_keys(self, name: str) -> EndpointKeys:
        """`primaryKey` and `secondaryKey`, where they were made in this workspace."""
        self.get(name)
        keys = load_keys(name)
        return EndpointKeys(primaryKey=keys["primary"], secondaryKey=keys["secondary"])

    def regenerate_keys(self, name: str, key_type: str = "primary") -> EndpointKeys:
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

    @overload
    def invoke(
        self,
        endpoint_name: str,
        request: bytes,
        *,
        deployment_name: str | None = None,
        content_type: str = "application/json",
    ) -> bytes: ...

    @overload
    def invoke(
        self,
        endpoint_name: str,
        *,
        request_file: str | Path,
        deployment_name: str | None = None,
        content_type: str = "application/json",
    ) -> str: ...

    def invoke(
        self,
        endpoint_name: str,
        request: bytes | None = None,
        *,
        request_file: str | Path | None = None,
        deployment_name: str | None = None,
        content_type: str = "application/json",
    ) -> bytes | str:
        """POST a request to the endpoint with its primary key; the answer's body.

        Args:
            request: the body; so is the answer then.
            request_file: its file; the answer is a text then, as azure-ai-ml gives it.
            deployment_name: None has the endpoint's traffic choose.

        Raises:
            UsageError: both or neither of request and request_file, or no such file or endpoint.
            RunFailed: a status other than 200, with what the endpoint said.
            OutputError: the endpoint cannot be reached.
        """
        if (request is None) == (request_file is None):
            raise UsageError("invoke: give either request_file, or the request's bytes")
        if request is not None:
            return self._post(endpoint_name, request, deployment_name, content_type)
        try:
            body = Path(str(request_file)).read_bytes()
        except OSError as error:
            raise UsageError(f"request_file {request_file}: {error.strerror}") from None
        return self._post(endpoint_name, body, deployment_name, content_type).decode("utf-8")

    def _post(
        self, name: str, request: bytes, deployment_name: str | None, content_type: str
    ) -> bytes:
        headers = {"Content-Type": content_type}
        if deployment_name is not None:
            headers["azureml-model-deployment"] = deployment_name
        answer = self.ask(name, "/score", request, headers)
        if answer.status != 200:
            said = answer.body.decode("utf-8", "replace")
            raise RunFailed(f"the endpoint answered {answer.status}: {said}")
        return answer.body

    def ask(
        self,
        name: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send the endpoint a request with its primary key, and give its answer whatever the status.

        Args:
            path: below the endpoint's address: `/score`, `/swagger.json`.
            body: None sends a GET, else a POST.

        Raises:
            UsageError: no such endpoint, or its keys were not made in this workspace.
            OutputError: it cannot be reached.
        """
        given = {**(headers or {}), "Authorization": f"Bearer {self.get_keys(name)['primaryKey']}"}
        uri = self.get(name)["scoring_uri"].removesuffix("/score") + path
        asked = urllib.request.Request(uri, body, given)
        certificate = load_config().certificate
        context = ssl.create_default_context(cafile=certificate) if certificate else None
        # The daemon is on this machine: a proxy of the environment has no business here.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(asked, timeout=300) as response:
                return Answer(response.status, response.read(), dict(response.headers.items()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), dict(error.headers.items()))
        except OSError as error:
            raise OutputError(f"cannot reach {uri}: {error}") from None


def _read(
    endpoint: OnlineEndpointDocument | Describes, overrides: Sequence[str]
) -> OnlineEndpointDocument:
    if isinstance(endpoint, OnlineEndpointDocument):
        return endpoint
    return read_online_endpoint(described(endpoint, "online_endpoints", overrides)[0])


def _record(shown: dict[str, Any]) -> Record:
    return Record.of("online_endpoints", shown)


def _written(document: OnlineEndpointDocument | TrafficShiftDocument) -> dict[str, Any]:
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)
