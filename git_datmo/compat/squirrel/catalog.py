"""The few of squirrel's catalog that a manager hands out, where squirrel is not installed.

A catalog maps an identifier (`collection/artifact`) to the newest of its sources; `catalog[id, 4]`
is one version, counted from 1 as squirrel does. What is not there is a KeyError.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, KeysView
from pathlib import Path
from typing import Any

import yaml

from git_datmo.compat.squirrel import view

Key = str | tuple[str, int]
# The oldest squirrel whose catalogs have this form.
_FORM = "0.20.0"


class Source:
    """What is read, and by which driver."""

    def __init__(
        self,
        driver_name: str,
        driver_kwargs: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.driver_name = driver_name
        self.driver_kwargs = driver_kwargs if driver_kwargs is not None else {}
        self.metadata = metadata if metadata is not None else {}


class CatalogSource(Source):
    """One version in a catalog; `versions` are all that the catalog has of it, by number."""

    def __init__(
        self,
        source: Source,
        identifier: str,
        catalog: Catalog,
        version: int = 1,
        versions: dict[int, CatalogSource] | None = None,
    ) -> None:
        super().__init__(source.driver_name, source.driver_kwargs, source.metadata)
        self.identifier = identifier
        self.version = version
        self.versions = {version: self} if versions is None else versions
        self._catalog = catalog

    def __getitem__(self, version: int) -> CatalogSource:
        return self.versions[max(self.versions) if version == -1 else version]

    def __contains__(self, version: int) -> bool:
        return version == -1 or version in self.versions

    def __len__(self) -> int:
        return len(self.versions)

    def __iter__(self) -> Iterator[CatalogSource]:
        return iter(self.versions.values())

    def __eq__(self, other: object) -> bool:
        parts = ("identifier", "version", "driver_kwargs", "metadata")
        return isinstance(other, CatalogSource) and all(
            getattr(self, part) == getattr(other, part) for part in parts
        )

    def __hash__(self) -> int:
        return hash((self.identifier, self.version))

    def __repr__(self) -> str:
        return f"<{self.identifier}, version {self.version}: {self.driver_kwargs.get('url')}>"

    def get_driver(self, **options: Any) -> DirectoryDriver:
        """What reads it: `keys()` and `get(key)`."""
        return DirectoryDriver(**{**self.driver_kwargs, **options})


class Catalog:
    """Sources by identifier and version. Iterating gives pairs of identifier and newest source."""

    def __init__(self) -> None:
        self.sources: dict[str, CatalogSource] = {}

    def __setitem__(self, key: Key, value: Source) -> None:
        identifier, version = (key, None) if isinstance(key, str) else key
        known = self.sources.get(identifier)
        versions = known.versions if known is not None else {}
        number = version if version is not None else max(versions, default=0) + 1
        if number < 1:
            raise ValueError(f"versions in a catalog begin with 1: {number}")
        versions[number] = CatalogSource(value, identifier, self, number, versions)
        self.sources[identifier] = versions[max(versions)]

    def __getitem__(self, key: Key) -> CatalogSource:
        identifier, version = (key, -1) if isinstance(key, str) else key
        return self.sources[identifier][version]

    def __contains__(self, key: Key) -> bool:
        identifier, version = (key, -1) if isinstance(key, str) else key
        return identifier in self.sources and version in self.sources[identifier]

    def __iter__(self) -> Iterator[tuple[str, CatalogSource]]:
        return iter(list(self.sources.items()))

    def __len__(self) -> int:
        return len(self.sources)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and dict(self._all()) == dict(other._all())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(sorted(self.sources, key=str.lower))

    def items(self) -> Iterator[tuple[str, CatalogSource]]:
        """Pairs of identifier and newest source."""
        return iter(self)

    def keys(self) -> KeysView[str]:
        """All identifiers."""
        return self.sources.keys()

    def union(self, other: Catalog) -> Catalog:
        """All of both; where both have a version, the other's."""
        both = Catalog()
        for catalog in (self, other):
            for key, source in catalog._all():
                both[key] = source
        return both

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write it as YAML that squirrel reads, folders on the way too."""
        sources = [
            _YamlSource(
                identifier=identifier,
                driver_name=source.driver_name,
                driver_kwargs=source.driver_kwargs,
                version=version,
                metadata=source.metadata,
            )
            for (identifier, version), source in self._all()
        ]
        whole = _YamlCatalog(version=_FORM, sources=sources)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(yaml.dump(whole, Dumper=_Dumper, sort_keys=False), "utf-8")

    def _all(self) -> Iterator[tuple[tuple[str, int], CatalogSource]]:
        for identifier, newest in self.sources.items():
            for version, source in sorted(newest.versions.items()):
                yield (identifier, version), source


class DirectoryDriver:
    """The files below a folder as bytes, by relative path."""

    name = "directory"

    def __init__(self, url: str, **options: Any) -> None:
        view.restore(url)
        self.url = url
        self._folder = Path(url.removeprefix("file://"))

    def keys(self) -> Iterator[str]:
        """The relative names of all files."""
        for folder, inner, names in os.walk(self._folder):
            inner.sort()
            for name in sorted(names):
                yield os.path.relpath(os.path.join(folder, name), self._folder)

    def get(self, key: str) -> bytes:
        """The bytes of one file."""
        return (self._folder / key).read_bytes()


class _YamlSource(dict[str, Any]):
    """A source as squirrel's YAML names it."""


class _YamlCatalog(dict[str, Any]):
    """A catalog as squirrel's YAML names it."""


class _Dumper(yaml.SafeDumper):
    """YAML with squirrel's two tags, and no short forms for what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _YamlSource, lambda dumper, data: dumper.represent_mapping("!YamlSource", data)
)
_Dumper.add_representer(
    _YamlCatalog, lambda dumper, data: dumper.represent_mapping("!YamlCatalog", data)
)
