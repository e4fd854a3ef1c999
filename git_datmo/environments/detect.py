"""Finding the files of a project that say what its runs need.

Only names and, where a name alone proves little, contents decide. Nothing is built, run or
resolved, nothing outside the list of paths is read, and bytes are taken as they are.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from git_datmo.model.environment import Definition, is_plain_path

Read = Callable[[str], bytes]


class Rule(NamedTuple):
    """A place where a definition file may lie; one `*` stands for anything but a slash.

    `counts`: "always"; "declares", if its content names dependencies; "locked", if it does or a
    `lock` of its kind is there; "beside", if another file of its kind counts. `includes` says
    that `-r` and `-c` lines in it name further files.
    """

    kind: str
    pattern: str
    counts: Literal["always", "declares", "locked", "beside"] = "always"
    lock: bool = False
    includes: bool = False


# All files found make the definition together; the first kind that has one names it.
RULES = (
    Rule("docker", "Dockerfile"),
    Rule("docker", "Containerfile"),
    Rule("conda", "conda-lock.yml", lock=True),
    Rule("conda", "conda-*.lock", lock=True),
    Rule("conda", "environment.yml", "locked", includes=True),
    Rule("conda", "environment.yaml", "locked", includes=True),
    Rule("pixi", "pixi.lock", lock=True),
    Rule("pixi", "pixi.toml"),
    Rule("python", "uv.lock", lock=True),
    Rule("python", "poetry.lock", lock=True),
    Rule("python", "pdm.lock", lock=True),
    Rule("python", "pylock.toml", lock=True),
    Rule("python", "pylock.*.toml", lock=True),
    Rule("python", "Pipfile.lock", lock=True),
    Rule("python", "Pipfile"),
    Rule("python", "requirements*.txt", includes=True),
    Rule("python", "requirements*.in", includes=True),
    Rule("python", "*-requirements.txt", includes=True),
    Rule("python", "*_requirements.txt", includes=True),
    Rule("python", "requirements/*.txt", includes=True),
    Rule("python", "requirements/*.in", includes=True),
    Rule("python", "constraints*.txt", "beside", includes=True),
    Rule("python", "pyproject.toml", "locked"),
    Rule("python", "setup.cfg", "declares"),
    Rule("python", "setup.py", "declares"),
    Rule("python", ".python-version", "beside"),
    Rule("r", "renv.lock", lock=True),
    Rule("r", "install.R"),
    Rule("r", "DESCRIPTION", "locked"),
    Rule("julia", "Manifest.toml", lock=True),
    Rule("julia", "Manifest-v*.toml", lock=True),
    Rule("julia", "Project.toml", "locked"),
)
OTHER = "files"

_EXACT = {rule.pattern: rule for rule in RULES if "*" not in rule.pattern}
_GLOBS = tuple((*rule.pattern.partition("*"), rule) for rule in RULES if "*" in rule.pattern)
_GLOB_ENDS = tuple({end for _, _, end, _ in _GLOBS})
_FOLDERS = frozenset(posixpath.dirname(rule.pattern) for rule in RULES)

_DEPENDENCIES = re.compile(rb"^dependencies\s*:", re.MULTILINE)
_REQUIRES = re.compile(rb"\b(?:install_requires|extras_require)\b")
_R_FIELDS = re.compile(rb"^(?:Depends|Imports|LinkingTo|Suggests)\s*:", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_INCLUDE = re.compile(
    r"""^\s*(?:-\s+)?["']?                             # a YAML list item, maybe quoted
        (?:--requirement|--constraint|-r|-c)(?:\s*=\s*|\s*)
        (?:"([^"]+)"|'([^']+)'|([^\s"']+))""",
    re.VERBOSE,
)


def detect(paths: Iterable[str], read: Read) -> Definition | None:
    """The definition that a project's files make, or None where there is none.

    `paths` are the project's regular files, relative, with slashes; `read` gives the bytes of
    one of them, the content itself where the tree has a pointer. Its errors pass through.
    """
    listed = list(paths)
    candidates = [(path, rule) for path in listed if (rule := _rule_of(path)) is not None]
    seen: dict[str, bytes] = {}

    def content(path: str) -> bytes:
        if path not in seen:
            seen[path] = read(path)
        return seen[path]

    found = {path: rule for path, rule in candidates if rule.counts == "always"}
    locked = {rule.kind for rule in found.values() if rule.lock}
    for path, rule in candidates:
        if rule.counts not in ("declares", "locked"):
            continue
        with_lock = rule.counts == "locked" and rule.kind in locked
        if with_lock or declares(path, content(path)):
            found[path] = rule

    kinds = {rule.kind for rule in found.values()}
    found |= {p: rule for p, rule in candidates if rule.counts == "beside" and rule.kind in kinds}
    if not found:
        return None

    included = _included([path for path, rule in found.items() if rule.includes], listed, content)
    files = tuple((path, content(path)) for path in {*found, *included})
    return Definition(files, _kind_of(found))


def definition_from_paths(files: Iterable[tuple[str, bytes]]) -> Definition:
    """The definition made of exactly these files: (name in the environment, bytes).

    The files that `detect` would find, named by hand, make the same environment. Raises as
    `Definition` does.
    """
    listed = tuple(files)
    return Definition(listed, _kind_of(path for path, _ in listed))


def declares(path: str, data: bytes) -> bool:
    """Whether a file that may hold anything (pyproject.toml, say) declares dependencies.

    One that cannot be parsed counts: leaving it out would lose what it says.
    """
    name = posixpath.basename(path)
    if name.endswith(".toml"):
        return _toml_declares(name, data)
    if name.startswith("environment."):
        return _DEPENDENCIES.search(data) is not None
    if name.startswith("setup."):
        return _REQUIRES.search(data) is not None
    return _R_FIELDS.search(data) is not None


def _toml_declares(name: str, data: bytes) -> bool:
    import tomllib

    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return True

    if name == "Project.toml":
        return bool(document.get("deps"))
    project, tool = _table(document, "project"), _table(document, "tool")
    poetry, pixi = _table(tool, "poetry"), _table(tool, "pixi")
    places = (
        (document, ("dependency-groups",)),
        (project, ("dependencies", "optional-dependencies")),
        (poetry, ("dependencies", "dev-dependencies", "group")),
        (pixi, ("dependencies", "pypi-dependencies", "feature")),
        (_table(tool, "uv"), ("dev-dependencies",)),
        (_table(tool, "pdm"), ("dev-dependencies",)),
    )
    dynamic = project.get("dynamic")
    return any(table.get(key) for table, keys in places for key in keys) or (
        isinstance(dynamic, list) and "dependencies" in dynamic
    )


def _table(parent: dict[str, object], key: str) -> dict[str, object]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _rule_of(path: str) -> Rule | None:
    """The rule for a path; asked for every file of a project, so it says no early."""
    if path.rpartition("/")[0] not in _FOLDERS:
        return None
    if path in _EXACT:
        return _EXACT[path]
    if not path.endswith(_GLOB_ENDS):
        return None

    for start, _, end, rule in _GLOBS:
        if path.startswith(start) and path.endswith(end):
            long_enough = len(path) >= len(start) + len(end)
            same_folder = path.count("/") == start.count("/")
            if long_enough and same_folder and is_plain_path(path):
                return rule
    return None


def _kind_of(paths: Iterable[str]) -> str:
    rules = {rule for path in paths if (rule := _rule_of(path)) is not None}
    return next((rule.kind for rule in RULES if rule in rules), OTHER)


def _included(roots: Sequence[str], listed: Sequence[str], content: Read) -> set[str]:
    """The files that `-r` and `-c` lines name, from file to file, as far as they are listed.

    What lies outside the project is not in the list, so no line leads out.
    """
    reached: set[str] = set()
    known: frozenset[str] | None = None
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        for target in _includes(content(path)):
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            known = frozenset(listed) if known is None else known
            if joined in known and joined not in reached and is_plain_path(joined):
                reached.add(joined)
                waiting.append(joined)
    return reached


def _includes(data: bytes) -> list[str]:
    text = _decode(data).replace("\\\r\n", " ").replace("\\\n", " ")
    matches = (_INCLUDE.match(_COMMENT.sub("", line)) for line in text.splitlines())
    return [next(filter(None, match.groups())) for match in matches if match]


def _decode(data: bytes) -> str:
    """Text as pip reads it: by its byte order mark (PowerShell writes UTF-16), else UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")
