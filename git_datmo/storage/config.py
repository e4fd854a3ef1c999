"""git's configuration as git reads it, with the project's `.datmoconfig` as the lowest layer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from git_datmo.errors import UsageError
from git_datmo.storage.git import Git, given

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}

# A tracked file comes from strangers: it may say what a project wants, never where bytes go.
PROJECT_KEYS = frozenset(
    {"datmo.largefile", "datmo.paths", "datmo.parent", "datmo.autosnapshot", "datmo.environment"}
    | {"datmo.runner"}
)


class Config:
    """Reads and writes git configuration. Keys are case-insensitive as in git."""

    def __init__(self, git: Git, work_tree: Path | None) -> None:
        self._git = git
        self._work_tree = work_tree

    @cached_property
    def _values(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for key, value in self._of_project():
            if key in PROJECT_KEYS:
                values.setdefault(key, []).append(value)
        # Other git commands must not see what was given for this one.
        for key, value in _pairs(self._git.run("config", "-z", "--list", safe=False, env=given())):
            values.setdefault(key, []).append(value)
        return values

    def _of_project(self) -> Iterator[tuple[str, str]]:
        if self._work_tree is None or not (self._work_tree / ".datmoconfig").is_file():
            return iter(())
        args = ("config", "-z", "--list", "--no-includes", "--file", ".datmoconfig")
        return _pairs(self._git.run(*args))

    def forget(self) -> None:
        """Read the configuration again when it is next asked for."""
        self.__dict__.pop("_values", None)

    def all(self, key: str) -> list[str]:
        """Every value of `key`, lowest layer first."""
        return list(self._values.get(_fold(key), ()))

    def get(self, key: str, default: str | None = None) -> str | None:
        """The value of `key` that holds, or `default`."""
        values = self._values.get(_fold(key))
        return values[-1] if values else default

    def boolean(self, key: str, default: bool) -> bool:
        """`key` as git reads booleans. Raises UsageError for anything else."""
        value = self.get(key)
        if value is None:
            return default
        folded = value.lower()
        if folded in ("true", "yes", "on", "1"):
            return True
        if folded in ("false", "no", "off", "0", ""):
            return False
        raise UsageError(f"git config {key} is '{value}', which is neither true nor false")

    def number(self, key: str, default: int) -> int:
        """`key` as a whole number, with git's suffixes k, m and g. Raises UsageError."""
        value = self.get(key)
        if value is None:
            return default
        match = re.fullmatch(r"(-?\d+)([kmg]?)", value.strip().lower())
        if match is None:
            raise UsageError(f"git config {key} is '{value}', which is not a number")
        return int(match[1]) * _UNITS[match[2]]

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """`key` as one of `allowed`; the first is the default. Raises UsageError."""
        value = self.get(key, allowed[0]) or allowed[0]
        if value not in allowed:
            raise UsageError(f"git config {key} is '{value}'; it can be {', '.join(allowed)}")
        return value

    def sections(self, prefix: str) -> list[str]:
        """The middle parts of the keys `<prefix>.<middle>.<name>`, in order, once each."""
        seen: dict[str, None] = {}
        for key in self._values:
            if key.startswith(prefix + ".") and key.count(".") >= 2:
                seen[key[len(prefix) + 1 : key.rindex(".")]] = None
        return list(seen)

    def names(self, section: str) -> list[str]:
        """The keys of a section that are set, folded, once each."""
        return [key for key in self._values if key.startswith(section + ".")]

    def project_names(self) -> list[str]:
        """The keys in `.datmoconfig`, folded, those that do not count there too."""
        return list(dict.fromkeys(key for key, _ in self._of_project()))

    def set(self, key: str, value: str) -> None:
        """Write one value into the repository's own config."""
        self._git.run("config", "--local", "--replace-all", key, value)
        self.forget()

    def add(self, key: str, value: str) -> None:
        """Add one value to the repository's own config, unless it is there already."""
        if value not in self.all(key):
            self._git.run("config", "--local", "--add", key, value)
            self.forget()

    def remove(self, key: str, value: str | None = None) -> None:
        """Take `key` (only the lines that equal `value`, if given) out of the own config."""
        args = ["config", "--local", "--unset-all", key]
        if value is not None:
            args.append("^" + re.escape(value).replace("/", "/") + "$")
        self._git.run(*args, codes=(0, 5))
        self.forget()

    def rename_section(self, old: str, new: str) -> None:
        """Give a section of the repository's own config another name, if there is one."""
        self._git.attempt("config", "--local", "--rename-section", old, new)
        self.forget()


def _pairs(listed: bytes) -> Iterator[tuple[str, str]]:
    for item in listed.split(b"\0"):
        if item:
            key, found, value = item.decode(errors="surrogateescape").partition("\n")
            yield key, value if found else "true"


def _fold(key: str) -> str:
    """Section and name in lower case; the middle part keeps its case, as in git."""
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    return f"{section.lower()}.{middle}{dot}{name.lower()}"
