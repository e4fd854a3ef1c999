"""How the Python packages of a definition are installed: by pip, or by the tool of their lock.

One kind of file is installed; what lies beside it is said. `{python}` stands for the interpreter
of the environment to fill, `{context}` for the folder of the definition's files.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from git_datmo.environments import requirements
from git_datmo.environments.detect import declares
from git_datmo.model.environment import Definition
from git_datmo.model.frozen import field, frozen

Step = tuple[str, ...]

GENERATED = "git-datmo-requirements.txt"
OURS = "git-datmo"

# All of these tools fill the virtual environment that is active. They lie beside it, not in it.
_ACTIVE = (
    "VIRTUAL_ENV=${0%/bin/*}; PATH=$VIRTUAL_ENV/bin:$PATH; unset PYTHONHOME PYTHONPATH; "
    'export VIRTUAL_ENV PATH; cd "$1"; tool=$2; shift 2; '
)
_PROGRAM = _ACTIVE + 'exec "$tool/bin/$@"'
_MODULE = _ACTIVE + 'PYTHONPATH=$tool exec "$0" -m "$@"'
_IF_THERE = '"$0" -m pip install --no-deps "$1" || echo "$1 is not on the package index: left out"'
TOOL = "{context}/.git-datmo-tool"

# Which file of a lock counts, the package that reads it, and its command.
TOOLS: dict[str, tuple[str, Step]] = {
    "uv.lock": (
        "uv>=0.6",
        ("uv", "sync", "--frozen", "--active", "--inexact", "--no-install-workspace"),
    ),
    "poetry.lock": ("poetry", ("poetry", "install", "--no-root", "--no-interaction")),
    "pdm.lock": ("pdm", ("pdm", "sync", "--no-self")),
    "pylock": ("uv>=0.6", ("uv", "pip", "install", "-r")),
}
# The project file a tool needs beside its lock.
NEEDS_PROJECT = frozenset({"uv.lock", "poetry.lock", "pdm.lock"})
ASIDE = re.compile(r"dev|test|doc|lint|ci\b|build", re.IGNORECASE)


@frozen
class Steps:
    """What to run, the files it needs instead of or beside the definition's, and what to know.

    `vcs`: some package comes from version control, so git has to be there.
    """

    run: tuple[Step, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    vcs: bool = False

    @property
    def uses_tool(self) -> bool:
        """Whether a tool other than pip is needed, in a virtual environment of its own."""
        return any(TOOL in word for step in self.run for word in step)


def steps(definition: Definition) -> Steps | None:
    """How to install the Python packages of a definition; None where it names none."""
    files = dict(definition.files)
    names = _by_name(files)
    for name in ("uv.lock", "poetry.lock", "pdm.lock"):
        if name in names:
            return _beside(_locked(name, names[name], files), names[name], files)
    lock = names.get("pylock.toml") or next(
        (path for path in sorted(files) if re.fullmatch(r"(?:.*/)?pylock\.[^/]+\.toml", path)), None
    )
    if lock is not None:
        package, command = TOOLS["pylock"]
        return _beside(_by_tool(package, (*command, "{context}/" + lock), lock, files), lock, files)
    if "Pipfile.lock" in names:
        found = requirements.from_pipfile_lock(files[names["Pipfile.lock"]])
        return _generated(found, "--no-deps")
    chosen = _requirement_files(files)
    if chosen:
        return _by_pip(chosen, files, captured="python" in definition.summary)
    return _declared(names, files)


def is_requirements(path: str) -> bool:
    """Whether a definition file is one that pip installs from, by its name."""
    return path.endswith((".txt", ".in")) and not posixpath.basename(path).startswith("constraints")


def _by_name(files: Mapping[str, bytes]) -> dict[str, str]:
    """The path nearest to the top for each file name."""
    listed = sorted(files, key=lambda path: (-path.count("/"), path))
    return {posixpath.basename(path): path for path in listed}


def _locked(name: str, lock: str, files: Mapping[str, bytes]) -> Steps:
    package, command = TOOLS[name]
    folder = posixpath.dirname(lock)
    if name in NEEDS_PROJECT and posixpath.join(folder, "pyproject.toml") not in files:
        return Steps((), notes=(f"{lock} needs the pyproject.toml beside it",))
    return _by_tool(package, command, lock, files)


def _by_tool(package: str, command: Step, lock: str, files: Mapping[str, bytes]) -> Steps:
    folder = posixpath.join("{context}", posixpath.dirname(lock)).rstrip("/")
    script = _PROGRAM if command[0] == "uv" else _MODULE
    run = (
        ("{python}", "-m", "pip", "install", "--quiet", "--target", TOOL, package),
        ("sh", "-c", script, "{python}", folder, TOOL, *command),
    )
    return Steps(run, vcs=b"git+" in files[lock] or b"git = " in files[lock])


def _by_pip(chosen: list[str], files: Mapping[str, bytes], *, captured: bool) -> Steps:
    present = frozenset(files)
    changed: dict[str, bytes] = {}
    notes: list[str] = []
    for path in sorted(path for path in files if path.endswith((".txt", ".in"))):
        data, found = requirements.portable(path, files[path], present)
        if found:
            changed[path] = data
            notes += found

    def content(path: str) -> bytes:
        return changed.get(path, files[path])

    ours: list[str] = []
    if captured:
        # Complete as it is, and maybe with conflicts that its owner lives with.
        path = chosen[0]
        lines = requirements.text(content(path)).splitlines()
        ours = [line for line in lines if re.match(rf"{OURS}(?:==| @)", line)]
        if ours:
            changed[path] = "".join(f"{li}\n" for li in lines if li not in ours).encode()
    words = [word for path in chosen for word in ("-r", "{context}/" + path)]
    unused = [p for p in files if _is_constraints(p) and not _mentioned(p, files)]
    words += [word for path in unused for word in ("-c", "{context}/" + path)]
    for index in dict.fromkeys(i for path in chosen for i in requirements.indexes(content(path))):
        words += ["--extra-index-url", index]
    if captured:
        words.insert(0, "--no-deps")
    run: list[Step] = []
    if any(requirements.text(content(path)).strip() for path in chosen):
        run.append(("{python}", "-m", "pip", "install", *words))
    run += [("sh", "-c", _IF_THERE, "{python}", line) for line in ours]
    left = [p for p in files if is_requirements(p) and p not in chosen and not _mentioned(p, files)]
    # A `.in` is the source of its `.txt`: nothing of it is missing.
    left = [p for p in left if not (p.endswith(".in") and f"{p.removesuffix('.in')}.txt" in files)]
    if left:
        notes.append(f"not installed: {', '.join(sorted(left))} beside {', '.join(chosen)}")
    vcs = any(re.search(rb"\b(?:git|hg|svn|bzr)\+", content(path)) for path in files)
    return Steps(tuple(run) or (("{python}", "-c", "pass"),), changed, tuple(notes), vcs)


def _requirement_files(files: Mapping[str, bytes]) -> list[str]:
    """Which of several requirements files make the environment.

    `requirements.txt` alone where it is; else those that are compiled rather than sources, not
    for development, and not included by another.
    """
    found = sorted(path for path in files if is_requirements(path))
    for name in ("requirements.txt", "requirements/requirements.txt"):
        if name in found:
            return [name]
    compiled = {path.removesuffix(".txt") for path in found if path.endswith(".txt")}
    found = [p for p in found if p.endswith(".txt") or p.removesuffix(".in") not in compiled]
    found = [path for path in found if not _mentioned(path, files)]
    plain = [path for path in found if not ASIDE.search(posixpath.basename(path))]
    return plain or found


def _mentioned(path: str, files: Mapping[str, bytes]) -> bool:
    """Whether another file of the definition includes `path`."""
    name = re.escape(posixpath.basename(path).encode())
    pattern = re.compile(
        rb"^\s*(?:-\s+)?[\"']?(?:-r|-c|--requirement|--constraint)[\s=]*[\"']?(?:[^\s\"']*/)?"
        + name
        + rb"\b",
        re.MULTILINE,
    )
    return any(pattern.search(data) for other, data in files.items() if other != path)


def _is_constraints(path: str) -> bool:
    return posixpath.basename(path).startswith("constraints") and path.endswith(".txt")


def _declared(names: Mapping[str, str], files: Mapping[str, bytes]) -> Steps | None:
    """Where no lock and no requirements file is there."""
    project = names.get("pyproject.toml")
    if project is not None and declares(project, files[project]):
        if b"[tool.poetry.dependencies]" in files[project]:
            package, command = TOOLS["poetry.lock"]
            return _by_tool(package, command, project, files)
        return _generated(requirements.from_pyproject(files[project]))
    for name, reader in (
        ("Pipfile", requirements.from_pipfile),
        ("setup.cfg", requirements.from_setup_cfg),
        ("setup.py", requirements.from_setup_py),
    ):
        if name in names:
            return _generated(reader(files[names[name]]))
    return None


def _generated(found: requirements.Lines, *options: str) -> Steps:
    data = "".join(f"{line}\n" for line in found.lines).encode()
    install = ("{python}", "-m", "pip", "install", *options, "-r", "{context}/" + GENERATED)
    run = (install,) if found.lines else (("{python}", "-c", "pass"),)
    vcs = re.search(rb"\b(?:git|hg|svn|bzr)\+", data) is not None
    return Steps(run, {GENERATED: data}, found.notes, vcs)


def _beside(found: Steps, lock: str, files: Mapping[str, bytes]) -> Steps:
    others = sorted(path for path in files if is_requirements(path))
    if not others:
        return found
    note = f"not installed: {', '.join(others)}, since {lock} says what is needed"
    return Steps(found.run, found.files, (*found.notes, note), found.vcs)
