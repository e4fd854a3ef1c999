"""`python -m git_datmo.compat.em SCRIPT [ARGUMENTS]`: run a script of t9k.em as it is."""

from __future__ import annotations

import os
import runpy
import sys

from git_datmo.compat.em.alias import install_as
from git_datmo.errors import DatmoError


def main(words: list[str]) -> int:
    """Run the script that `words` begins with as Python would, with `t9k.em` being this one's.

    Returns 2 when there is no script, and when a package of that name is installed.
    """
    if not words or words[0].startswith("-"):
        sys.stderr.write("usage: python -m git_datmo.compat.em SCRIPT [ARGUMENTS]\n")
        return 2
    if not os.path.isfile(words[0]):
        sys.stderr.write(f"git_datmo.compat.em: there is no file {words[0]}\n")
        return 2
    # As Python does: the script's folder comes first, and not the current one.
    sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
    try:
        install_as("t9k.em")
    except DatmoError as error:
        sys.stderr.write(f"git_datmo.compat.em: {error.message}\n{error.hint}\n")
        return 2
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
