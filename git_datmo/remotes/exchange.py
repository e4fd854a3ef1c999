"""Refs over git's own transport.

Only our own refs are ever pushed; what comes back lands under `refs/datmo-remotes/<remote>/`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from git_datmo.errors import RemoteError
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.remotes.denials import denial
from git_datmo.remotes.gitwire import advertised_refs
from git_datmo.remotes.refusals import without_secrets
from git_datmo.remotes.signingin import signing_in, signing_in_anywhere
from git_datmo.storage.git import environment

# Hears git's own lines about its progress.
Report = Callable[[str], None]

_INTO = re.compile(r"^Cloning into (?:bare repository )?'(.*)'\.\.\.$", re.MULTILINE)
_LINE_ENDS = re.compile(rb"[\r\n]+")


def listed(project: Project, remote: str) -> dict[str, str]:
    """The refs below refs/datmo/ that every push address of a remote has alike.

    Raises RemoteError when one cannot be asked.
    """
    pushed = places.urls_of(project, remote, push=True)
    if pushed == places.urls_of(project, remote, push=False):
        pushed = [remote]
    first, *others = [_ask(project, address) for address in pushed]
    return {n: oid for n, oid in first.items() if all(o.get(n) == oid for o in others)}


def offered(project: Project, remote: str) -> dict[str, str]:
    """The refs below refs/datmo/ that a fetch from a remote would see. Raises RemoteError."""
    return _ask(project, remote)


def advertised(project: Project, remote: str) -> dict[str, str]:
    """The refs of ours that a remote shows, those that it keeps of others and for itself too.

    Raises RemoteError.
    """
    return _ask(project, remote, "refs/datmo*")


def placed(project: Project, remote: str) -> dict[str, str]:
    """The refs of folders at the address where those of a remote lie. Raises RemoteError."""
    return _ask(project, places.urls_of(project, remote, push=True)[0], layout.FOLDERS + "*")


def _ask(project: Project, address: str, pattern: str = layout.OWN + "*") -> dict[str, str]:
    out = _network(project, "ls-remote", "--refs", "--", address, pattern)
    return advertised_refs(out)


def push_refs(
    project: Project,
    remote: str,
    specs: Sequence[str],
    *,
    leases: Mapping[str, str] | None = None,
    report: Report | None = None,
) -> None:
    """Push refspecs, all or nothing; a ref in `leases` only if it is there what that says.

    Raises RemoteError.
    """
    held = [f"--force-with-lease={ref}:{oid}" for ref, oid in (leases or {}).items()]
    options = ["--porcelain", "--atomic", "--no-verify", f"--recurse-submodules={_care(project)}"]
    args = [*options, *held, "--", remote, *specs]
    _network(project, "push", *args, report=report)


def _care(project: Project) -> str:
    """What git is to do about commits of submodules that are nowhere: check, where the user wants
    any care. It cannot push them along, for they have no refs of ours."""
    config = project.repository.config
    recurse = "check" if config.boolean("submodule.recurse", False) else "no"
    chosen = config.get("push.recurseSubmodules", recurse) or "no"
    return "no" if chosen.lower() in ("no", "false", "off", "0") else "check"


def fetch_refs(project: Project, remote: str, *, report: Report | None = None) -> None:
    """Bring a remote's datmo refs, checked by git as they come. Raises RemoteError."""
    line = layout.fetch_line(places.room(project, remote))
    args = ["--no-tags", "--no-write-fetch-head", "--refmap=", "--", remote, line]
    _network(project, "-c", "fetch.fsckObjects=true", "fetch", *args, report=report)


def clone(
    url: str,
    directory: str | None,
    folder: Path,
    options: Sequence[str] = (),
    *,
    report: Report | None = None,
) -> Path:
    """`git clone` in `folder`; the folder that was made. Raises RemoteError.

    git itself picks the name where no `directory` is given, and tells it.
    """
    words = ["git", "clone", "--progress", *options, "--", url]
    given = {name: os.environ[name] for name in os.environ if name.startswith("GIT_CONFIG_")}
    given |= signing_in_anywhere(folder)
    process = subprocess.Popen(
        [*words, *([directory] if directory is not None else [])],
        cwd=folder,
        env={**environment(), **given},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    code, _, err = _follow(process, report or _unheard)
    said = without_secrets(err.decode(errors="surrogateescape").strip())
    if code != 0:
        lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
        rest = [line for line in said.splitlines() if line not in lines[:1]]
        more = "\n".join(line for line in rest if not line.startswith("Cloning into "))
        raise RemoteError(
            f"git clone failed: {lines[0] if lines else f'exit {code}'}",
            hint=more or "check the address: a plain 'git clone' of it has to work",
        )
    found = _INTO.search(said)
    if found is None:
        raise RemoteError(f"git clone did not say where it cloned into: {said}")
    return (folder / found[1]).resolve()


def _unheard(line: str) -> None:
    pass


def _network(project: Project, *args: str, report: Report | None = None) -> bytes:
    # What is delivered before refs has been: no hook of ours needs to do it again.
    env = {"GIT_DATMO_IN_HOOK": "1", **signing_in(project.repository.git)}
    words = ["-c", "protocol.ext.allow=never", *args]
    if report is None:
        code, out, err = project.repository.git.attempt(*words, env=env)
    else:
        code, out, err = _watched(project, words, env, report)
    if code != 0:
        verb = next(word for word in args if word in ("push", "fetch", "ls-remote"))
        said = (without_secrets(text.decode(errors="replace")) for text in (out, err))
        raise denial(verb, code, *said)
    return out


def _watched(
    project: Project, words: list[str], env: dict[str, str], report: Report
) -> tuple[int, bytes, bytes]:
    """Run git, telling `report` of its progress; exit code, output, and what else it said."""
    at = next(n for n, word in enumerate(words) if word in ("push", "fetch"))
    words = [*words[: at + 1], "--progress", *words[at + 1 :]]
    return _follow(project.repository.git.start(*words, env=env), report)


def _follow(process: subprocess.Popen[bytes], report: Report) -> tuple[int, bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[bytes] = []
    rest = b""
    while piece := process.stderr.read1(65536):  # type: ignore[attr-defined]
        *lines, rest = _LINE_ENDS.split(rest + piece)
        for line in lines:
            if b"%" in line:
                report(line.decode(errors="replace").strip())
            elif line.strip():
                said.append(line)
    out = process.stdout.read()
    process.stdout.close()
    process.stderr.close()
    return process.wait(), out, b"\n".join([*said, rest])
