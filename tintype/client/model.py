"""Registered models and the catalog from Python: `Client().models`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.errors import UsageError, nearest
from tintype.models.catalog import Card, list_cards
from tintype.schemas.document import Document, apply_overrides
from tintype.schemas.model import ModelDocument, read_model_document
from tintype.workspace import model_aliases, registry
from tintype.workspace.model_versions import ModelVersion

if TYPE_CHECKING:
    from tintype.jobs.comparison import ModelComparison
    from tintype.schemas.scorer_options import ScorerOptions

__all__ = ["Models"]


class Models:
    """`client.models`; see `workspace.registry`."""

    def create_or_update(
        self,
        model: ModelDocument | Describes,
        path: str | Path | None = None,
        *,
        version: str | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        overrides: Sequence[str] = (),
    ) -> ModelVersion:
        """Register a model folder as a version of a name: the one given, or the next number.

        >>> client.models.create_or_update("photos", "outputs/mlflow-model")     # doctest: +SKIP
        >>> client.models.create_or_update("model.yml")                          # doctest: +SKIP

        Args:
            model: a YAML file, a document, a Model of azure-ai-ml, or, with `path`, the name.
            path: see `registry.register_model`.

        Raises:
            UsageError: a name or version that is not allowed, or a wrong document.
            CheckpointError: `path` is not a model folder.
        """
        if path is not None:
            return registry.register_model(
                str(model), path, version=version, description=description, tags=tags
            )
        if not isinstance(model, ModelDocument):
            model = read_model_document(*described(model, "models", overrides))
        return registry.register_model(
            model.name,
            model.path,
            version=model.version,
            description=model.description,
            # MLflow's registry has tags alone.
            tags={**model.properties, **model.tags},
        )

    @not_found_as_azure
    def get(
        self, name: str, version: str | None = None, *, label: str | None = None
    ) -> ModelVersion:
        """One version; the latest where none is named, or with label "latest".

        Args:
            label: latest, or an alias.

        Raises:
            UsageError: no such model, version or label.
        """
        return registry.get_model(name, version=version, label=label)

    def list(
        self, name: str | None = None, *, include_archived: bool = False
    ) -> list[ModelVersion]:
        """The latest version of every model, or every version of `name`, newest first."""
        return registry.list_models(name, include_archived=include_archived)

    def catalog(self) -> Sequence[Card]:
        """The cards of checkpoints that can be had from the Hub."""
        return list_cards()

    def set_alias(self, name: str, alias: str, version: str | None = None) -> ModelVersion:
        """Have `name@alias` mean a version (None: the newest), whichever it meant before.

        Raises:
            UsageError: no such model or version, or no name for an alias.
        """
        return model_aliases.set_alias(name, alias, version=version)

    def delete_alias(self, name: str, alias: str) -> ModelVersion:
        """Take an alias away from the version that has it.

        Raises:
            UsageError: no such model or alias.
        """
        return model_aliases.delete_alias(name, alias)

    def download(
        self,
        name: str,
        version: str | None = None,
        download_path: str | Path = ".",
        *,
        label: str | None = None,
    ) -> Path:
        """Copy a version's model folder to `download_path/name` and return that folder.

        Raises:
            UsageError: no such model or version.
            OutputError: the destination exists already or cannot be written.
        """
        return registry.download_model(name, Path(download_path), version=version, label=label)

    def update(
        self,
        name: str,
        version: str | None,
        overrides: Sequence[str],
        *,
        label: str | None = None,
    ) -> ModelVersion:
        """Change what a version says of itself: `description`, `tags`.

        Raises:
            UsageError: no such version, or a key that does not change any more.
        """
        before = registry.get_model(name, version=version, label=label)
        kept = {"description": before.description, "tags": dict(before.tags)}
        changed = apply_overrides(Document(kept), overrides).data
        for key in changed:
            if key not in kept:
                raise UsageError(
                    f"--set {key}: of a model only {' and '.join(kept)} change.{nearest(key, kept)}"
                )
        tags = {str(key): str(value) for key, value in (changed["tags"] or {}).items()}
        return registry.describe_model(before, description=changed["description"], tags=tags)

    def archive(self, name: str, version: str | None = None) -> None:
        """Hide a version (None: all) from lists."""
        registry.archive_model(name, version=version)

    def restore(self, name: str, version: str | None = None) -> None:
        """Bring an archived version (None: all) back."""
        registry.archive_model(name, version=version, archived=False)

    def import_(
        self,
        source: str,
        name: str | None = None,
        *,
        revision: str | None = None,
        task: str | None = None,
        allow_bin: bool = False,
    ) -> ModelVersion:
        """Bring a checkpoint from the Hub, or a folder, into the workspace; see `import_model`."""
        from tintype.workspace.importing import import_model

        return import_model(source, name=name, revision=revision, task=task, allow_bin=allow_bin)

    def quantize(
        self,
        model: str | Path,
        images: Sequence[Any],
        *,
        min_agreement: float = 0.98,
        task: str | None = None,
        pooling: str = "auto",
    ) -> dict[str, Any]:
        """Calibrate int8 on your own images; a Scorer with precision int8 then finds it.

        Args:
            images: a few hundred, as `Scorer.predict` takes them.
            min_agreement: below it, int8 is refused.

        Returns:
            What `Scorer.describe` tells of it.

        Raises:
            AgreementError: int8 strays too far from fp32; nothing was kept.
        """
        from tintype.scoring import Scorer, ScorerOptions

        options = ScorerOptions.of(
            task=task,
            pooling=pooling,
            runtime="auto",
            precision="int8",
            calibration=images,
            min_agreement=min_agreement,
        )
        return Scorer.load(registry.resolve_model(model), options).describe()

    def compare(
        self,
        champion: str | Path,
        challenger: str | Path,
        data: str | Path,
        *,
        metric: str = "accuracy",
        output: str | Path | None = None,
        register_as: str | None = None,
        promote: str | None = None,
        label_column: str = "label",
        image_column: str = "image_url",
        group_column: str | None = None,
        group_pattern: str | None = None,
        scoring: ScorerOptions | None = None,
    ) -> ModelComparison:
        """Hold a challenger against the champion on the same labelled images; see `ComparisonJob`.

        Raises:
            DataError: data that cannot be used, or none of whose images can be read.
            UsageError: a model that is missing, models of different tasks, or an unknown metric.
        """
        from tintype.jobs.comparison import compare_models

        return compare_models(
            champion,
            challenger,
            data,
            metric=metric,
            output=output,
            register_as=register_as,
            promote=promote,
            label_column=label_column,
            image_column=image_column,
            group_column=group_column,
            group_pattern=group_pattern,
            scoring=scoring,
        )

    def export(self, model: str | Path, output: str | Path) -> Path:
        """Write a model as ONNX, checked against torch; the file.

        Raises:
            CheckpointError: it is no model folder, or cannot be expressed.
        """
        from tintype.models.onnx_export import export_onnx

        return export_onnx(Path(registry.resolve_model(model)), Path(output))
