"""squirrel's `ArtifactManager` over the artifacts of a git repository.

    from git_datmo.compat.squirrel import GitArtifactManager

    manager = GitArtifactManager(collection="models")
    manager.log_files("resnet", "checkpoints")          # models/resnet:v0
    with manager.download_artifact("resnet") as folder:
        ...

Where squirrel-core is installed, the manager is a subclass of its base class and its catalogs are
squirrel's own; elsewhere small classes of the same names take their place. Which it is, is found
out when a name of this module is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from git_datmo.compat.squirrel.foundation import (
        ArtifactManager,
        Catalog,
        CatalogSource,
        Source,
    )
    from git_datmo.compat.squirrel.manager import GitArtifactManager
    from git_datmo.compat.squirrel.serializers import (
        JsonlSerializer,
        JsonSerializer,
        MessagepackSerializer,
        PickleSerializer,
    )
    from git_datmo.compat.squirrel.temporary import DirectoryLogger, TmpArtifact

__all__ = [
    "ArtifactManager",
    "Catalog",
    "CatalogSource",
    "DirectoryLogger",
    "GitArtifactManager",
    "JsonSerializer",
    "JsonlSerializer",
    "MessagepackSerializer",
    "PickleSerializer",
    "Source",
    "TmpArtifact",
]

_HERE = "git_datmo.compat.squirrel"
_PLACES = {
    "ArtifactManager": f"{_HERE}.foundation",
    "Catalog": f"{_HERE}.foundation",
    "CatalogSource": f"{_HERE}.foundation",
    "DirectoryLogger": f"{_HERE}.temporary",
    "GitArtifactManager": f"{_HERE}.manager",
    "JsonSerializer": f"{_HERE}.serializers",
    "JsonlSerializer": f"{_HERE}.serializers",
    "MessagepackSerializer": f"{_HERE}.serializers",
    "PickleSerializer": f"{_HERE}.serializers",
    "Source": f"{_HERE}.foundation",
    "TmpArtifact": f"{_HERE}.temporary",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _PLACES:
        raise AttributeError(f"module '{_HERE}' has no attribute '{name}'")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
