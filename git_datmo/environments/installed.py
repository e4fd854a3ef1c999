"""The packages in a list of folders, read from the names of their metadata folders.

Does not import importlib.metadata, which opens and parses every METADATA file: a name like
`numpy-2.1.0.dist-info` says what is needed. No code of a package runs.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from pathlib import Path


class Package(NamedTuple):
    """`name` as PEP 503 writes it. `direct_url`: what pip can install it from, when it came from
    neither an index nor this machine; without credentials."""

    name: str
    version: str
    direct_url: str | None = None

    @property
    def requirement(self) -> str:
        if self.direct_url is not None:
            return f"{self.name} @ {self.direct_url}"
        return f"{self.name}=={self.version}"


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")
_HEADER = re.compile(rb"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)
_SCHEMES = frozenset({"git", "hg", "http", "https", "ssh", "svn"})
_PLAIN_URL = re.compile(r"[!-~]+")


def installed(
    paths: Sequence[str] | None = None, *, project_dir: Path | None = None
) -> list[Package]:
    """What the folders of `paths` (default: `sys.path`) hold, sorted by name.

    As in an import, the first folder that has a package wins. An editable install of something
    inside `project_dir` is the project's own code, and left out. Folders that are missing or
    unreadable are empty.
    """
    folders = [path for path in (sys.path if paths is None else paths) if path]
    project = None if project_dir is None else os.path.realpath(project_dir)

    found: dict[str, Package | None] = {}
    for folder in dict.fromkeys(folders):
        here = dict(_in_folder(folder, project))
        found = here | found
    return sorted(package for package in found.values() if package is not None)


def metadata_folders(paths: Sequence[str]) -> dict[str, str]:
    """The folder with the metadata of each package of `paths`, by its name; the first wins."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys(path for path in paths if path):
        here: dict[str, str] = {}
        for place, identity in _identities(folder):
            here[normalise(identity[0])] = place
        found = here | found
    return found


def normalise(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(packages: Iterable[Package]) -> bytes:
    """A requirements file that names exactly these packages."""
    return "".join(f"{package.requirement}\n" for package in packages).encode()


def _in_folder(folder: str, project: str | None) -> Iterator[tuple[str, Package | None]]:
    """Each package of a folder, None for one that is the project itself."""
    for place, identity in _identities(folder):
        record = _direct_url(place)
        is_project = project is not None and _edits(record, project)
        package = Package(normalise(identity[0]), identity[1], _requirement_url(record))
        yield package.name, None if is_project else package


def _identities(folder: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The metadata folders of a folder, each with name and version.

    Sorted, so that of two versions left by an interrupted install every machine takes the same.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return

    for name in names:
        if name.endswith((".dist-info", ".egg-info", ".egg")):
            place = os.path.join(folder, name)
            identity = _identity(place, name)
            if identity is not None:
                yield place, identity


def _identity(place: str, name: str) -> tuple[str, str] | None:
    """Name and version, from the folder's name, else from its metadata; None for debris."""
    stem, _, suffix = name.rpartition(".")
    metadata = {
        "dist-info": os.path.join(place, "METADATA"),
        "egg-info": os.path.join(place, "PKG-INFO"),
        "egg": os.path.join(place, "EGG-INFO", "PKG-INFO"),
    }[suffix]

    if suffix == "dist-info":
        title, _, version = stem.rpartition("-")
    else:
        # name-version-py3.11-platform; distutils wrote a file where setuptools makes a folder.
        title, version = [*stem.split("-"), ""][:2]
        metadata = metadata if os.path.isdir(place) else place
    if not os.path.isfile(metadata):
        return None

    # An underscore stands for a character that a file name could not hold.
    if not version or "_" in version:
        headers = _headers(metadata)
        title, version = headers.get("Name", title), headers.get("Version", version)
    valid = _NAME.fullmatch(title) and _VERSION.fullmatch(version)
    return (title, version) if valid else None


def _headers(path: str) -> dict[str, str]:
    data = b""
    with suppress(OSError), open(path, "rb") as file:
        data = file.read(1 << 16).partition(b"\n\n")[0]
    return {key.decode(): value.decode("ascii", "replace") for key, value in _HEADER.findall(data)}


def _direct_url(place: str) -> dict[str, object]:
    """The PEP 610 record of a package, empty without a readable one."""
    try:
        with open(os.path.join(place, "direct_url.json"), "rb") as file:
            record = orjson.loads(file.read())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return record if isinstance(record, dict) else {}


def _edits(record: dict[str, object], project: str) -> bool:
    """Whether a record is that of an editable install of something inside `project`."""
    url, folder = record.get("url"), record.get("dir_info")
    if not isinstance(url, str) or not isinstance(folder, dict) or not folder.get("editable"):
        return False

    from urllib.parse import unquote

    source = os.path.realpath(unquote(url.removeprefix("file://")))
    return source == project or source.startswith(project + os.sep)


def _requirement_url(record: dict[str, object]) -> str | None:
    """What pip on another machine can install this from, or None."""
    plain = _public_url(record.get("url"))
    vcs, archive = record.get("vcs_info"), record.get("archive_info")
    fragments = []
    if plain is None:
        return None

    if isinstance(vcs, dict):
        plain = f"{vcs.get('vcs')}+{plain}@{vcs.get('commit_id')}"
    elif isinstance(archive, dict):
        hashes = archive.get("hashes")
        sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
        fragments = [f"sha256={sha256}" if sha256 else str(archive.get("hash") or "")]
    else:
        return None
    if folder := record.get("subdirectory"):
        fragments.append(f"subdirectory={folder}")

    result = "#".join(filter(None, (plain, "&".join(filter(None, fragments)))))
    return result if _PLAIN_URL.fullmatch(result) else None


def _public_url(url: object) -> str | None:
    """A URL without its secrets; None for a path of this machine or what is no URL.

    User name and password are cut off, except the `git@` of ssh, which is none; the query and
    the fragment go as well, since tokens travel there.
    """
    # urlsplit drops line breaks without a word.
    if not isinstance(url, str) or not _PLAIN_URL.fullmatch(url):
        return None
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    scheme = parts.scheme.rpartition("+")[2]
    if scheme not in _SCHEMES or not host:
        return None

    user, _, location = parts.netloc.rpartition("@")
    location = f"git@{location}" if (scheme, user) == ("ssh", "git") else location
    return urlunsplit((scheme, location, parts.path, "", ""))
