"""The catalog by the verbs of azure-ai-ml: `MLClient(registry_name="azureml").models`."""

from __future__ import annotations

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.records import Record
from tintype.errors import UsageError, nearest
from tintype.models.catalog import Card, find_card, list_cards

__all__ = ["CatalogModels"]


class CatalogModels:
    """`registry_client.models`: cards of the catalog, as models that documents can name."""

    def __init__(self, registry_name: str) -> None:
        """`registry_name` is what their ids say; the catalog is one."""
        self._registry = registry_name

    @not_found_as_azure
    def get(self, name: str, version: str | None = None, label: str | None = None) -> Record:
        """One model of the catalog, whatever its version.

        Raises:
            UsageError: no card of that name, or a label other than latest.
        """
        if label not in (None, "latest"):
            raise UsageError(f"label {label!r}: expected latest")
        card = find_card(name)
        if card is None:
            known = [alias for each in list_cards() for alias in (each.name, *each.aliases)]
            raise UsageError(
                f"{name!r} names nothing in the catalog.{nearest(name, known)} "
                "`tintype model list --registry` lists it"
            )
        return self._shown(card, name, version or card.version)

    def list(self, name: str | None = None) -> list[Record]:
        """Every model of the catalog, or the one version of `name`.

        Raises:
            UsageError: no card of that name.
        """
        if name is not None:
            return [self.get(name)]
        # Azure's own name where there is one: it can stand in a URI.
        return [
            self._shown(
                card, next((a for a in card.aliases if "/" not in a), card.name), card.version
            )
            for card in list_cards()
        ]

    def _shown(self, card: Card, name: str, version: str) -> Record:
        uri = f"azureml://registries/{self._registry}/models/{name}/versions/{version}"
        return Record.of(
            "models",
            {
                "name": name,
                "version": version,
                "id": uri,
                "path": uri,
                "type": "mlflow_model",
                "description": card.description,
                "tags": {"task": card.task, "license": card.license},
                "properties": {"model_id": card.hub_id},
            },
        )
