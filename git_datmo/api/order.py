"""What a run was asked to do: words and options, checked and turned into values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from git_datmo.api.user import User
from git_datmo.errors import (
    FileAlreadyExistsError,
    InvalidArgumentType,
    InvalidDestinationName,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    RequiredArgumentMissing,
    ValidationFailed,
)
from git_datmo.model.frozen import frozen
from git_datmo.model.names import check_name
from git_datmo.model.paths import parse_mapping
from git_datmo.model.run import Resources
from git_datmo.model.text import encodable
from git_datmo.runners.base import Link, Mount
from git_datmo.storage import secrets

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d)?", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PORT = re.compile(r"(?:(?P<address>[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?:(?P<host>[0-9]+):)?[0-9]+")
_GPUS = re.compile(
    r"all|[1-9][0-9]?|(?:device=)?[A-Za-z0-9][A-Za-z0-9-]*(?:,[A-Za-z0-9][A-Za-z0-9-]*)*"
)
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
MIN_MEMORY = 6 << 20


@frozen
class Order:
    """A checked request. `variables` are set for the task; of those in `secret` only the names
    are recorded."""

    argv: tuple[str, ...]
    resources: Resources
    variables: Mapping[str, str]
    secret: frozenset[str]
    mounts: tuple[Mount, ...]
    data: tuple[str, ...]

    @property
    def recorded(self) -> dict[str, str | None]:
        """The variables as they are recorded."""
        return {n: None if n in self.secret else v for n, v in sorted(self.variables.items())}


def argv_of(command: Sequence[str] | str | None) -> tuple[str, ...]:
    """Words as they are, one text through the shell.

    Raises RequiredArgumentMissing, InvalidArgumentType, ValidationFailed.
    """
    if isinstance(command, str):
        command = ("sh", "-c", command) if command.strip() else ()
    words = tuple(command or ())
    if not words or not words[0]:
        raise RequiredArgumentMissing(
            "a run needs a command", hint="git datmo run -- python train.py"
        )
    for word in words:
        if not isinstance(word, str):
            raise InvalidArgumentType(
                f"a command is made of text, not of {type(word).__name__}: {word!r}"
            )
        if "\0" in word:
            raise ValidationFailed("a command cannot hold a NUL character")
    return words


def check_recordable(given: Order | None = None, **said: str | None) -> None:
    """Refuse what a record could not say as it is. `said` are other texts of the request, by what
    they are. Raises ValidationFailed, InvalidArgumentType."""
    texts = [(f"the {what}", text or "") for what, text in said.items()]
    if given is not None:
        texts += [("the command", word) for word in given.argv]
        texts += [(f"the variable {name}", text or "") for name, text in given.recorded.items()]
        texts += [("the path of --data", text) for text in given.data]
    for what, text in texts:
        if not isinstance(text, str):
            raise InvalidArgumentType(f"{what} is text, not {type(text).__name__}")
        if encodable(text) != text:
            raise ValidationFailed(f"{what} is not UTF-8, and cannot be recorded: '{text}'")


def resources_of(
    *,
    gpu: bool = False,
    gpus: str | int | None = None,
    ports: Sequence[str | int] = (),
    mem_limit: str | int | None = None,
    cpus: str | float | None = None,
    network: str | None = None,
    timeout: str | float | None = None,
) -> Resources:
    """Limits as they were typed, checked. Raises ValidationFailed, MutuallyExclusiveArguments."""
    wanted = None if gpus is None else str(gpus)
    if wanted is not None and not _GPUS.fullmatch(wanted):
        raise ValidationFailed(f"--gpus is 'all', a number or device ids, not '{wanted}'")
    if isinstance(ports, (str, int)):
        ports = [ports]
    listed = tuple(str(port) for port in ports)
    for port in listed:
        _check_port(port)
    if network is not None and not _NETWORK.fullmatch(network):
        raise ValidationFailed(f"'{network}' is no name of a network: none, bridge or host")
    if network == "none" and listed:
        raise MutuallyExclusiveArguments("--ports needs a network, and --network is none")
    return Resources(
        gpus=wanted or ("all" if gpu else None),
        memory=None if mem_limit is None else _memory(str(mem_limit)),
        cpus=None if cpus is None else _cpus(cpus),
        network=network,
        ports=listed,
        timeout=None if timeout is None else _seconds(str(timeout)),
    )


def _check_port(text: str) -> None:
    match = _PORT.fullmatch(text)
    numbers = re.findall(r"(?<![0-9.])[0-9]+(?![0-9.])", text.rpartition("]")[2]) if match else []
    if not numbers or any(not 0 < int(number) < 65536 for number in numbers):
        raise ValidationFailed(f"'{text}' is no port: write 8888, 8888:80 or 127.0.0.1:8888:80")


def _memory(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
    if size < MIN_MEMORY:
        raise ValidationFailed(
            f"'{text}' is no memory limit: write 512m or 2g, {MIN_MEMORY >> 20}m at least"
        )
    return size


def _cpus(given: str | float) -> float:
    try:
        count = float(given)
    except ValueError:
        count = 0.0
    if not 0.01 <= count <= 4096:
        raise ValidationFailed(f"'{given}' is no number of CPUs: write 2 or 0.5")
    return count


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[(match[2] or "s").lower()] if match else 0.0
    if seconds <= 0:
        raise ValidationFailed(f"'{text}' is no time: write 90, 90s, 10m or 2h")
    return seconds


def variables_of(given: Mapping[str, str] | Sequence[str], user: User) -> dict[str, str]:
    """`KEY=VALUE`, or `KEY` for the user's own. Raises ValidationFailed, PathDoesNotExist."""
    pairs: list[tuple[str, str | None]] = []
    if isinstance(given, Mapping):
        pairs = [(str(name), str(value)) for name, value in given.items()]
    else:
        for item in [given] if isinstance(given, str) else given:
            key, equals, said = item.partition("=")
            pairs.append((key, said if equals else None))
    found: dict[str, str] = {}
    for name, value in pairs:
        if not _NAME.fullmatch(name):
            raise ValidationFailed(f"'{name}' is no name of a variable: write --env NAME=VALUE")
        if name.startswith("DATMO_") and not name.startswith("DATMO_USER_"):
            raise ValidationFailed(f"{name} is set by git-datmo itself")
        if value is None and name not in user.environ:
            raise ValidationFailed(f"the variable {name} is not set here: write --env {name}=VALUE")
        text = user.environ[name] if value is None else value
        if "\0" in text:
            raise ValidationFailed(f"the variable {name} cannot hold a NUL character")
        found[name] = text
    return found


def secret_names(variables: Mapping[str, str]) -> frozenset[str]:
    """The variables whose values are not to be recorded."""
    return frozenset(
        name
        for name, value in variables.items()
        if secrets.in_variable(name)
        or secrets.in_content(f"{name}={value}".encode(errors="replace"))
    )


def mounts_of(given: Sequence[str], base: Path) -> tuple[Mount, ...]:
    """`--data` paths: `src` or `src>name`. Raises PathDoesNotExist, InvalidDestinationName,
    FileAlreadyExistsError when two want one name."""
    found: dict[str, Mount] = {}
    for text in [given] if isinstance(given, str) else given:
        mapping = parse_mapping(str(text))
        source = Path(os.path.normpath(base / Path(mapping.src).expanduser()))
        if not source.exists():
            raise PathDoesNotExist(f"no such file or folder for --data: {mapping.src}")
        name = mapping.dest or source.name
        if not name or "/" in name or check_name(os.fsencode(name)) is not None:
            raise InvalidDestinationName(
                f"--data needs a plain name, not '{name}'", hint="--data 'path>name'"
            )
        if name in found:
            raise FileAlreadyExistsError(
                f"two --data paths are called {name}: {found[name].source} and {source}",
                hint="give one another name: --data 'path>name'",
            )
        found[name] = Mount(source, name)
    return tuple(found.values())


def links_of(names: Sequence[str], home: Path) -> tuple[Link, ...]:
    """Folders of `datmo.link` that exist, as they lie in the project (`src` or `src>dest`).

    Raises InvalidDestinationName.
    """
    found = []
    for text in names:
        mapping = parse_mapping(text)
        source = Path(os.path.normpath(home / Path(mapping.src).expanduser()))
        dest = mapping.dest or mapping.src.rstrip("/")
        wrong = any(check_name(os.fsencode(part)) for part in Path(dest).parts)
        if os.path.isabs(dest) or wrong:
            raise InvalidDestinationName(
                f"datmo.link names {text}, which is no place in the project",
                hint="git config datmo.link '/path/to/it>name'",
            )
        if source.exists():
            found.append(Link(source, dest))
    return tuple(found)


def environments_of(home: Path, folder: str) -> tuple[Link, ...]:
    """Python environments in the project, at its top and in `folder`: commands name them by where
    they lie (`.venv/bin/python`), and git ignores them."""
    found = []
    for place in dict.fromkeys(("", folder)):
        try:
            with os.scandir(home / place) as entries:
                names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for name in sorted(names):
            source = home / place / name
            if any((source / mark).exists() for mark in ("pyvenv.cfg", "conda-meta")):
                found.append(Link(source, os.path.join(place, name)))
    return tuple(found)
