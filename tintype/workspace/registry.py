"""Registered models, in MLflow's registry: names, versions, download, archive.

A version is whatever its user calls it, kept as a tag; underneath are MLflow's own numbers, which tell
what is newest. Archiving is a tag too, so nothing is lost by it. Aliases are in `model_aliases`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from tintype.errors import CheckpointError, OutputError, UsageError, nearest
from tintype.files import atomic_folder
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.schemas.asset_parts import VERSION
from tintype.workspace.imported import imported_as
from tintype.workspace.job_outputs import is_job_output, job_output
from tintype.workspace.model_versions import (
    ARCHIVED_TAG,
    MODEL_NAME,
    VERSION_TAG,
    ModelVersion,
    mlflow_versions,
    shown_version,
    shown_versions,
    version_name,
)
from tintype.workspace.tracking import mlflow_client, new_run
from tintype.workspace.versions import new_version

__all__ = [
    "archive_model",
    "describe_model",
    "download_model",
    "get_model",
    "list_models",
    "register_model",
    "registered_model",
    "resolve_model",
]

_REGISTERED = re.compile(
    r"(?P<prefix>azureml:|models:/)?(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)"
    # Without a prefix, name/version could as well be a Hub id: there only numbers are read.
    r"(?:[:/](?P<version>(?(prefix)[A-Za-z0-9][A-Za-z0-9_.-]*|\d+))|@(?P<label>[\w-]+))"
)


def register_model(
    name: str,
    path: str | Path,
    *,
    version: str | None = None,
    description: str | None = None,
    tags: dict[str, str] | None = None,
) -> ModelVersion:
    """Register a model folder as a version of `name`.

    Args:
        path: a local model folder, a job's output (`azureml://jobs/<job>/outputs/artifacts/paths/
            outputs/mlflow-model/`), `runs:/<run>/<path>`, or another registered model.
        version: what to call it; None takes the number after the highest.

    Raises:
        UsageError: a name or version that is not allowed, or a version that exists.
        CheckpointError: `path` is not a model folder.
    """
    if not MODEL_NAME.fullmatch(name):
        raise UsageError(f"model name {name!r}: use letters, digits, '-', '_' and '.'")
    folder = Path(resolve_model(str(path)))
    if not folder.is_dir():
        raise CheckpointError(f"no model folder at {path}")
    opened = open_model_folder(folder)
    client = mlflow_client()
    taken = [version_name(known_version) for known_version in mlflow_versions(client, name)]
    asked, version = version, new_version(f"model {name!r}", version, taken)
    if not VERSION.fullmatch(version):
        raise UsageError(
            f"version {version!r} of {name!r}: use up to 30 letters, digits, '-', '_' and '.'"
        )
    run_id = new_run(client, "registered-models", name, {"tintype.model": name})
    try:
        client.log_artifacts(run_id, str(opened.path), "model")
        if not taken:
            _create_name(client, name)
        created = client.create_model_version(
            name,
            source=f"{client.get_run(run_id).info.artifact_uri}/model",
            run_id=run_id,
            description=description,
            tags={**(tags or {}), "tintype.task": opened.task, VERSION_TAG: version},
        )
        _yield_to_earlier(client, created, asked)
    except OSError as error:
        client.delete_run(run_id)
        raise OutputError(f"the model cannot be stored: {error.strerror or error}") from None
    except UsageError:
        client.delete_run(run_id)
        raise
    client.set_terminated(run_id)
    return shown_version(client.get_model_version(name, created.version))


def list_models(name: str | None = None, *, include_archived: bool = False) -> list[ModelVersion]:
    """The latest version of every model, or every version of `name`, newest first."""
    client = mlflow_client()

    def kept(of: str) -> list[ModelVersion]:
        versions = shown_versions(client, of)
        return [version for version in versions if include_archived or not version.archived]

    if name is not None:
        return kept(name)
    return [
        version for model in client.search_registered_models() for version in kept(model.name)[:1]
    ]


def get_model(name: str, *, version: str | None = None, label: str | None = None) -> ModelVersion:
    """One version of `name`: by what it is called, or the newest that is not archived.

    Args:
        label: `latest`, or an alias.

    Raises:
        UsageError: no such model, version or label.
    """
    client = mlflow_client()
    versions = shown_versions(client, name)
    if not versions:
        names = [model.name for model in client.search_registered_models()]
        raise UsageError(f"no registered model named {name!r}.{nearest(name, names)}")
    if version is None and label not in (None, "latest"):
        return _aliased(name, label, versions)
    if version is None:
        return next(
            (known_version for known_version in versions if not known_version.archived), versions[0]
        )
    for known_version in versions:
        if known_version.version == version:
            return known_version
    known = ", ".join(known_version.version for known_version in versions)
    raise UsageError(f"model {name!r} has no version {version!r}; it has {known}")


def download_model(
    name: str, destination: Path, *, version: str | None = None, label: str | None = None
) -> Path:
    """Copy a version's model folder to `destination/<name>` and return that folder.

    Raises:
        UsageError: no such model or version.
        OutputError: the destination exists already or cannot be written.
    """
    model = get_model(name, version=version, label=label)
    target = destination / name
    if target.exists():
        raise OutputError(f"{target} exists already; remove it or choose another --download-path")
    source = _local_files(model)
    with atomic_folder(target) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)
    return target


def archive_model(name: str, *, version: str | None = None, archived: bool = True) -> None:
    """Hide a version (None: all) from lists, or bring it back.

    Raises:
        UsageError: no such model or version.
    """
    get_model(name, version=version)
    client = mlflow_client()
    for each in mlflow_versions(client, name):
        if version in (None, version_name(each)):
            client.set_model_version_tag(name, each.version, ARCHIVED_TAG, str(archived).lower())


def describe_model(
    model: ModelVersion, *, description: str | None, tags: dict[str, str]
) -> ModelVersion:
    """Give a version another description and these tags; the version as it is then."""
    client = mlflow_client()
    numbers = [
        each.version
        for each in mlflow_versions(client, model.name)
        if version_name(each) == model.version
    ]
    for number in numbers:
        client.update_model_version(model.name, number, description or "")
        for key in model.tags.keys() - tags.keys():
            client.delete_model_version_tag(model.name, number, key)
        for key, value in tags.items():
            client.set_model_version_tag(model.name, number, key, value)
    return get_model(model.name, version=model.version)


def registered_model(reference: str) -> ModelVersion | None:
    """The version that `azureml:name:1`, `name:1`, `name@latest`, `name@champion` or `models:/...` means; None for what
    is written otherwise.

    Raises:
        UsageError: a reference of one of these forms to something that does not exist.
    """
    parts = _REGISTERED.fullmatch(reference)
    if parts is None or Path(reference).exists():
        return None
    return get_model(parts["name"], version=parts["version"], label=parts["label"])


def resolve_model(reference: str | Path) -> str:
    """A local folder for anything that names a model; names of the catalog and Hub ids stay, unless
    a checkpoint was imported under them.

    Understands local folders, `azureml:name:1`, `name:1`, `name@latest`, `name@champion`,
    `models:/name/1`, `models:/name@champion`, a job's output (`azureml://jobs/...`) and `runs:/<run>/<path>`.

    Raises:
        UsageError: a reference of one of these forms to something that does not exist.
        CheckpointError: a path to nothing.
    """
    text = str(reference)
    if Path(text).expanduser().exists():
        return str(Path(text).expanduser().absolute())
    if is_job_output(text):
        return str(job_output(text))
    if text.startswith("runs:/"):
        run_id, _, path = text.removeprefix("runs:/").partition("/")
        return _fetched(f"runs:/{run_id}/{path}", text)
    registered = registered_model(text)
    if registered is not None:
        return str(_local_files(registered))
    imported = imported_as(text)
    if imported is not None:
        kept = list_models(imported)
        # Deleted or archived since: the name means what it means without the workspace.
        return str(_local_files(kept[0])) if kept else text
    return text


def _create_name(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        # Another process registered the first version in the same moment, or all were deleted.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _yield_to_earlier(client: Any, created: Any, asked: str | None) -> None:
    """Of two registered in the same moment under one version, the later takes the next number.

    No lock could do this: the registry may be a server that several machines write.

    Raises:
        UsageError: the version was asked for; `created` is removed.
    """
    while True:
        older = [
            version_name(version)
            for version in mlflow_versions(client, created.name)
            if int(version.version) < int(created.version)
        ]
        mine = client.get_model_version(created.name, created.version)
        if version_name(mine) not in older:
            return
        try:
            upcoming = new_version(f"model {created.name!r}", asked, older)
        except UsageError:
            client.delete_model_version(created.name, created.version)
            raise
        client.set_model_version_tag(created.name, created.version, VERSION_TAG, upcoming)


def _aliased(name: str, alias: str | None, versions: list[ModelVersion]) -> ModelVersion:
    """
    Raises:
        UsageError: no version has that alias.
    """
    for version in versions:
        if alias in version.aliases:
            return version
    known = sorted(known for version in versions for known in version.aliases)
    raise UsageError(
        f"model {name!r} has no alias {alias!r}; it has {', '.join([*known, 'latest'])}. Give it one: "
        f"tintype model set-alias --name {name} --alias {alias} --version {versions[0].version}"
    )


def _local_files(model: ModelVersion) -> Path:
    return Path(_fetched(model.path, f"{model.name}:{model.version}"))


def _fetched(uri: str, shown: str) -> str:
    """The local path of an artifact URI: in place where it is local, else downloaded."""
    client = mlflow_client()
    import mlflow

    try:
        path = mlflow.artifacts.download_artifacts(
            artifact_uri=uri, tracking_uri=client.tracking_uri
        )
    except Exception as error:
        # MLflow passes on whatever its artifact store raises.
        raise CheckpointError(f"the files of {shown} cannot be had: {error}") from None
    if not is_model_folder(Path(path)):
        raise CheckpointError(f"{shown} holds no model folder")
    return str(path)
