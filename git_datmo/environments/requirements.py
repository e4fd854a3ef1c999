"""Lines that pip understands: taken over, cleaned of what only lies on one machine, or read out
of the files of other tools."""

from __future__ import annotations

import ast
import configparser
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Lines(NamedTuple):
    """Requirement lines, and in `notes` what could not be taken over, one sentence each."""

    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()


_OPTION = re.compile(
    r"(?P<flag>-e|-r|-c|-f|--editable|--requirement|--constraint|--find-links)(?:\s*=\s*|\s*)"
    r"(?P<value>.+)"
)
INCLUDES = ("-r", "-c", "--requirement", "--constraint")
_URL = re.compile(r"(?:[a-z][a-z0-9.+-]*\+)?[a-z][a-z0-9.-]*://", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)$", re.IGNORECASE)
# `torch==2.9.0+cu128`: builds that PyTorch keeps on an index of their own, by this suffix.
_BUILD = re.compile(rb"==[^\s;]+\+(cu\d+|cpu|rocm[\d.]+|xpu)\b")
BUILDS = "https://download.pytorch.org/whl/"


def text(data: bytes) -> str:
    """A requirements file as pip decodes it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def portable(path: str, data: bytes, present: frozenset[str]) -> tuple[bytes, list[str]]:
    """The requirements file at `path` without lines that name what lies outside `present`.

    Such a line becomes a comment, and one sentence about it is returned.
    """
    kept: list[str] = []
    notes: list[str] = []
    for lines in _logical(text(data).splitlines()):
        whole = " ".join(line.rstrip("\\").strip() for line in lines)
        missing = _missing(whole, posixpath.dirname(path), present)
        if missing is None:
            kept += lines
        else:
            kept += [f"# {line}" for line in lines]
            notes.append(f"'{missing}' in {path} is not part of the environment: left out")
    changed = "".join(f"{line}\n" for line in kept).encode()
    return (changed, notes) if notes else (data, [])


def indexes(data: bytes) -> tuple[str, ...]:
    """The extra package indexes that pinned builds (`+cu128`) need."""
    found = sorted({match.decode() for match in _BUILD.findall(data)})
    return tuple(BUILDS + name for name in found)


def _logical(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines that backslashes join, together."""
    pending: list[str] = []
    for line in lines:
        pending.append(line)
        if not line.endswith("\\"):
            yield pending
            pending = []
    if pending:
        yield pending


def _missing(line: str, folder: str, present: frozenset[str]) -> str | None:
    """What of this machine a line needs that `present` does not have."""
    line = re.sub(r"(^|\s)#.*$", "", line).strip()
    option = _OPTION.fullmatch(line)
    if option is not None:
        target = option["value"].strip().strip("\"'")
        # pip starts from the file that includes another, and else from where it is run.
        start = folder if option["flag"] in INCLUDES else ""
        return None if _there(target, start, present) else target
    if not line or line.startswith("-"):
        return None
    named = re.fullmatch(r"[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*@\s*(\S+).*", line)
    target = named[1] if named else re.split(r"\s;|\s--|\[", line)[0].strip()
    local = target.startswith((".", "/", "~", "file:")) or (
        not _URL.match(target) and (_ARCHIVE.search(target) is not None)
    )
    return target if local and not _there(target, "", present) else None


def _there(target: str, folder: str, present: frozenset[str]) -> bool:
    if target.startswith("file:"):
        return False
    if _URL.match(target):
        return True
    return posixpath.normpath(posixpath.join(folder, target)) in present


def from_pyproject(data: bytes) -> Lines:
    """`project.dependencies`; nothing is built to find dynamic ones."""
    project = _toml(data).get("project")
    if not isinstance(project, dict):
        return Lines((), ("pyproject.toml has no [project] table",))
    notes = []
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        notes.append("the dependencies of pyproject.toml are dynamic and cannot be read")
    extras = project.get("optional-dependencies")
    if isinstance(extras, dict) and extras:
        notes.append(f"optional dependencies are not installed: {', '.join(sorted(extras))}")
    return Lines(_strings(project.get("dependencies")), tuple(notes))


def from_setup_cfg(data: bytes) -> Lines:
    """`install_requires` of a setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text(data))
    except configparser.Error as error:
        return Lines((), (f"setup.cfg cannot be read: {str(error).splitlines()[0]}",))
    found = parser.get("options", "install_requires", fallback="")
    if found.strip().startswith("file:"):
        return Lines((), ("setup.cfg takes its requirements from a file",))
    return Lines(tuple(line.strip() for line in found.splitlines() if line.strip()))


def from_setup_py(data: bytes) -> Lines:
    """`install_requires` of a setup.py, where it is written out; the file is never run."""
    note = "setup.py computes its requirements; it is not run to find them"
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Lines((), (note,))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            if keyword.arg != "install_requires":
                continue
            value = keyword.value
            if isinstance(value, ast.Name):
                value = constants.get(value.id, value)
            try:
                found = ast.literal_eval(value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                return Lines((), (note,))
            listed = [found] if isinstance(found, str) else found
            return (
                Lines(_strings(listed)) if isinstance(listed, list | tuple) else Lines((), (note,))
            )
    return Lines((), (note,))


def from_pipfile(data: bytes) -> Lines:
    """`[packages]` of a Pipfile; its indexes are not taken over."""
    packages = _toml(data).get("packages")
    return _pipenv(packages if isinstance(packages, dict) else {}, "Pipfile")


def from_pipfile_lock(data: bytes) -> Lines:
    """`default` of a Pipfile.lock, with its hashes; pip is told to add nothing to it."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return Lines((), ("Pipfile.lock is not JSON",))
    default = document.get("default") if isinstance(document, dict) else None
    found = _pipenv(default if isinstance(default, dict) else {}, "Pipfile.lock")
    if all(" --hash=" in line for line in found.lines):
        return found
    # pip takes hashes for every line or for none.
    return found._replace(lines=tuple(line.partition(" --hash=")[0] for line in found.lines))


def _pipenv(packages: Mapping[str, Any], source: str) -> Lines:
    lines: list[str] = []
    notes: list[str] = []
    for name, entry in sorted(packages.items()):
        fields = {"version": entry} if isinstance(entry, str) else entry
        line = _pipenv_line(name, fields) if isinstance(fields, dict) else None
        if line is None:
            notes.append(f"'{name}' of {source} lies on one machine: left out")
        else:
            lines.append(line)
    return Lines(tuple(lines), tuple(notes))


def _pipenv_line(name: str, fields: Mapping[str, Any]) -> str | None:
    if "path" in fields or str(fields.get("file", "")).startswith((".", "/", "file:")):
        return None
    extras = ",".join(_strings(fields.get("extras")))
    line = f"{name}[{extras}]" if extras else name
    vcs = next((kind for kind in ("git", "hg", "svn", "bzr") if kind in fields), None)
    if vcs is not None:
        revision = f"@{fields['ref']}" if fields.get("ref") else ""
        line += f" @ {vcs}+{fields[vcs]}{revision}"
    elif "file" in fields:
        line += f" @ {fields['file']}"
    elif fields.get("version") not in (None, "*"):
        line += str(fields["version"])
    if fields.get("markers"):
        line += f" ; {fields['markers']}"
    if vcs is None:
        line += "".join(f" --hash={digest}" for digest in _strings(fields.get("hashes")))
    return line


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item for item in value if isinstance(item, str))


def _toml(data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}
