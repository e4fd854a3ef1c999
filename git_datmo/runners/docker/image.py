"""The image a job runs in: built once from a recipe and found by the environment's id."""

from __future__ import annotations

import io
import os
import re
import shlex
import stat
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

from git_datmo.errors import EngineError, RequiredArgumentMissing
from git_datmo.runners.base import Recipe, Report
from git_datmo.runners.docker.engine import Engine, foreign_errors, said

REPOSITORY = "git-datmo/env"
LABEL = "git-datmo.environment"
IMAGE = "image"  # the kind of a recipe that names an image, and its one context entry
LAST_WORDS = 8
OFFLINE = ("lookup", "connection refused", "i/o timeout", "no such host", "request canceled")
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def image_of(engine: Engine, recipe: Recipe | None, report: Report) -> str:
    """The id of the image that a recipe makes. Builds only what was not built before.

    Raises RequiredArgumentMissing without a recipe for containers, EngineError naming the step
    that failed, or the image that is not there.
    """
    if recipe is None:
        raise _nothing_to_run_in("no environment is declared")
    files = dict(recipe.context)
    if recipe.kind == IMAGE:
        return _recorded(engine, files[IMAGE].decode())
    if "Dockerfile" not in files:
        raise _nothing_to_run_in(f"the environment {recipe.environment_id[:12]} has no Dockerfile")
    name = f"{REPOSITORY}:{recipe.environment_id[:24]}"
    found = _find(engine, name)
    if found is None or _label(found) != recipe.environment_id:
        _build(engine, recipe, name, report)
        found = _find(engine, name)
    if found is None:
        raise EngineError(f"Docker built {name} and does not have it", hint="run it again")
    if words := (found.get("Config") or {}).get("Entrypoint"):
        report(f"the image's ENTRYPOINT is run, and given the command: {shlex.join(words)}")
    return str(found["Id"])


def has_image(environ: Mapping[str, str], image: str) -> bool:
    """Whether the engine that `environ` means has the image of an id. Raises EngineError when it
    does not answer."""
    return _find(Engine(environ), image) is not None


def _nothing_to_run_in(why: str) -> RequiredArgumentMissing:
    return RequiredArgumentMissing(
        f"{why}, so there is no image to run the task in",
        hint="add a Dockerfile or a requirements.txt, see 'git datmo environment setup', "
        "or use '--runner local'",
    )


def _recorded(engine: Engine, image: str) -> str:
    found = _find(engine, image)
    if found is None:
        raise EngineError(
            f"the image {image} is not on this engine, and what ran before is never pulled unasked",
            hint="load or pull it ('docker pull', 'docker load'), or name an environment to build",
        )
    return str(found["Id"])


def _find(engine: Engine, name: str) -> Mapping[str, Any] | None:
    client = engine.client()
    from docker.errors import ImageNotFound

    with engine.asking(f"look for the image {name}"):
        try:
            inspect: Callable[[str], Mapping[str, Any]] = client.inspect_image
            return inspect(name)
        except ImageNotFound:
            return None


def _label(image: Mapping[str, Any]) -> str | None:
    labels = (image.get("Config") or {}).get("Labels") or {}
    value = labels.get(LABEL)
    return value if isinstance(value, str) else None


def _build(engine: Engine, recipe: Recipe, name: str, report: Report) -> None:
    client = engine.client(None)
    with tempfile.TemporaryFile() as context:
        pack(recipe.context, recipe.modes, context)
        context.seek(0)
        with engine.asking("start to build the image"):
            said_lines: Iterable[Mapping[str, Any]] = client.build(
                fileobj=context,
                custom_context=True,
                tag=name,
                labels={LABEL: recipe.environment_id},
                rm=True,
                forcerm=True,
                decode=True,
                use_config_proxy=False,
            )
        _follow(engine, said_lines, report)


def _follow(engine: Engine, lines: Iterable[Mapping[str, Any]], report: Report) -> None:
    """Report a build's progress; raise what made it fail."""
    step, last = "before its first step", deque[str](maxlen=LAST_WORDS)
    layers: dict[str, str] = {}
    try:
        for line in lines:
            if "error" in line:
                raise _failed(step, str(line["error"]), last)
            if "stream" in line:
                for text in _plain(str(line["stream"])):
                    if match := _STEP.fullmatch(text):
                        step = f"at step {match[1]} of {match[2]}, `{' '.join(match[3].split())}`"
                        last.clear()
                    elif not text.startswith(" --->"):
                        last.append(text)
                    report(text)
            elif "status" in line and layers.get(str(line.get("id"))) != line["status"]:
                # A pull tells the state of each layer many times a second: once is enough.
                layers[str(line.get("id"))] = str(line["status"])
                report(f"{line.get('id', '')} {line['status']}".strip())
    except foreign_errors() as error:
        raise _failed(step, said(error), last) from error


def _plain(text: str) -> list[str]:
    return [line for line in _TERMINAL.sub("", text).replace("\r", "\n").split("\n") if line]


def _failed(step: str, why: str, last: Iterable[str]) -> EngineError:
    why = " ".join(_TERMINAL.sub("", why).split()).rstrip(".")
    words = "; ".join(line.strip() for line in last if line.strip())
    hint = f"its last words: {words}" if words else "run the build again once it is mended"
    lower, pulls = why.lower(), "`FROM " in step
    if "no space left on device" in f"{lower} {words.lower()}":
        hint = "free space on the engine's disk: 'docker system df' shows what it keeps"
    elif pulls and any(sign in lower for sign in OFFLINE):
        hint = "the base image is not here and its registry does not answer: go online, or load it"
    elif pulls:
        hint = "see that the base image after FROM exists and that you may pull it"
    return EngineError(f"the image could not be built: it failed {step}: {why}", hint=hint)


def pack(files: Iterable[tuple[str, bytes]], modes: Mapping[str, int], target: BinaryIO) -> None:
    """Write a build context as a tar that is the same for the same files. `modes` are git's."""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in sorted(files):
            if path.startswith("/") or ".." in path.split("/"):
                raise EngineError(f"the environment holds a file outside itself: {path}")
            info = tarfile.TarInfo(path)
            mode = modes.get(path)
            if mode is not None and stat.S_ISLNK(mode):
                info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, os.fsdecode(data)
                tar.addfile(info)
                continue
            # What a definition holds, which has no modes, may be a script that is to be run.
            runs = data.startswith(b"#!") if mode is None else bool(mode & 0o111)
            info.mode, info.size = 0o755 if runs else 0o644, len(data)
            tar.addfile(info, io.BytesIO(data))
