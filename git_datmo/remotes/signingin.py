"""How the user's own git command was told to reach servers.

`git -c http.extraHeader=… push`, or GIT_CONFIG_COUNT in the environment, as many build servers
have it: our git commands are kept from the caller's variables, and must still sign in as theirs.
What is typed is asked for once (`rememberedlogin`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from git_datmo.remotes import rememberedlogin
from git_datmo.storage.git import Git

_PASSED = re.compile(r"(http|credential|ssh|url|protocol)\.|core\.(askpass|sshcommand|gitproxy)\Z")
_GIVEN = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")


def signing_in(git: Git) -> dict[str, str]:
    """The variables that hand down what the command line said of servers, and let git commands
    of this process share what was typed; nothing else."""
    given = given_config()
    passed = _passed(git, given)
    helper = rememberedlogin.helper(git, given)
    if helper is not None:
        passed.append(("credential.helper", helper))
    return _numbered(passed, 0) if passed or given else {}


def signing_in_anywhere(folder: Path) -> dict[str, str]:
    """The same where there is no repository yet: all that the command line said is kept."""
    given = given_config()
    helper = rememberedlogin.helper(Git(folder.absolute() / ".git", folder), given)
    if helper is None:
        return given
    count = given.get("GIT_CONFIG_COUNT", "0")
    first = int(count) if count.isdecimal() else 0
    return given | _numbered([("credential.helper", helper)], first)


def given_config() -> dict[str, str]:
    """The variables by which a command line or build server gives git configuration."""
    given = {
        name: value
        for name, value in os.environ.items()
        if name in _GIVEN or name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
    }
    return given if any(name in given for name in _GIVEN) else {}


def _passed(git: Git, given: dict[str, str]) -> list[tuple[str, str]]:
    if not given:
        return []
    code, out, _ = git.attempt("config", "--list", "--show-scope", "-z", env=given)
    if code != 0:
        return []
    fields = os.fsdecode(out).split("\0")
    passed: list[tuple[str, str]] = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        name, _, value = entry.partition("\n")
        if scope == "command" and _PASSED.match(name):
            passed.append((name, value))
    return passed


def _numbered(passed: list[tuple[str, str]], first: int) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(first + len(passed))}
    for number, (name, value) in enumerate(passed, first):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found
