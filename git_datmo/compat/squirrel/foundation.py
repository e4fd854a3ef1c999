"""What the manager stands on: squirrel's own classes where they are, else ours of the same names.

squirrel-core before 0.20 has no artifact managers: that is as if there were none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.compat.squirrel.base import ArtifactManager, LoggerBase, TmpBase
    from git_datmo.compat.squirrel.catalog import Catalog, CatalogSource, Source
else:
    try:
        from squirrel.artifact_manager.base import ArtifactManager
        from squirrel.artifact_manager.base import DirectoryLogger as LoggerBase
        from squirrel.artifact_manager.base import TmpArtifact as TmpBase
        from squirrel.catalog.catalog import Catalog, CatalogSource, Source
        from squirrel.framework.plugins.plugin_manager import squirrel_plugin_manager
    except ImportError:
        from git_datmo.compat.squirrel.base import ArtifactManager, LoggerBase, TmpBase
        from git_datmo.compat.squirrel.catalog import Catalog, CatalogSource, Source
    else:
        from git_datmo.compat.squirrel import plugin

        # The installed package says so itself; a source tree that is only on the path does not.
        if not squirrel_plugin_manager.is_registered(plugin):
            squirrel_plugin_manager.register(plugin)

__all__ = ["ArtifactManager", "Catalog", "CatalogSource", "LoggerBase", "Source", "TmpBase"]
