"""clone: a repository with everything that was shared through it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from git_datmo.api import project as projects
from git_datmo.api.fetching import fetch
from git_datmo.errors import IdentityMissing, RequiredArgumentMissing
from git_datmo.model.remote import Cloned
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, places

Progress = Callable[[int], None]


def clone(
    project: None = None,
    *,
    url: str,
    directory: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] = ".",
    options: Sequence[str] = (),
    content: bool = False,
    program: Sequence[str] = (),
    progress: Progress | None = None,
    expect: Progress | None = None,
    report: Callable[[str], None] | None = None,
) -> Cloned:
    """`git clone`, `init` and `pull` in one: needs no project, it makes one.

    The clone is made in `directory`, from `folder`; without one it is named as git names it.
    `options` go to `git clone`; `content` brings all large files too; `program` starts git-datmo
    from the hooks. Where git knows no name and email everything can be read, and `init` is left
    for later. Raises RequiredArgumentMissing, RemoteError; what was cloned stays.
    """
    if not url:
        raise RequiredArgumentMissing("an address to clone from is needed")
    named = os.fspath(directory) if directory is not None else None
    made = exchange.clone(url, named, Path(folder), options, report=report)
    found = Project.open(made)
    [remote] = places.remotes(found)[:1] or ["origin"]
    done = fetch(found, remote, report=report)
    initialized = True
    try:
        projects.init(found, force=True, program=program)
    except IdentityMissing as error:
        initialized = False
        notice = f"{error.message}: what was shared can be read; 'git datmo init' does the rest"
        done = replace(done, notices=(*done.notices, notice))
    if content:
        brought = fetch(
            found, remote, content=True, progress=progress, expect=expect, report=report
        )
        done = replace(brought, refs=done.refs, updates=done.updates, notices=done.notices)
    return Cloned(os.fspath(made), initialized, done)
