"""How the user's own git command was told to reach servers.

`git -c http.extraHeader=… push`, or GIT_CONFIG_COUNT in the environment, as many build servers
have it: our git commands are kept from the caller's variables, and must still sign in as theirs.
"""

from __future__ import annotations

import os
import re

from git_datmo.storage.git import Git

_PASSED = re.compile(r"(http|credential|ssh|url|protocol)\.|core\.(askpass|sshcommand|gitproxy)\Z")
_GIVEN = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")


def signing_in(git: Git) -> dict[str, str]:
    """The variables that hand down what the command line said of servers, and nothing else."""
    given = {
        name: value
        for name, value in os.environ.items()
        if name in _GIVEN or name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
    }
    if not any(name in given for name in _GIVEN):
        return {}
    code, out, _ = git.attempt("config", "--list", "--show-scope", "-z", env=given)
    if code != 0:
        return {}
    fields = os.fsdecode(out).split("\0")
    passed: list[tuple[str, str]] = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        name, _, value = entry.partition("\n")
        if scope == "command" and _PASSED.match(name):
            passed.append((name, value))
    found = {"GIT_CONFIG_COUNT": str(len(passed))}
    for number, (name, value) in enumerate(passed):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found
