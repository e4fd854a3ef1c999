"""Run by every Python of a local task as it starts: its own copy instead of the user's work tree.

`pip install -e .` leaves the absolute path of the user's work tree in the interpreter's packages.
A task would import from there what nobody recorded, and a repeated one today's code.
"""

import os
import sys

FROM, TO = "DATMO_MOVED_FROM", "DATMO_MOVED_TO"


def moved(path: str) -> str:
    """The place in the task's tree of a path in the user's; any other as it is."""
    home, tree = os.environ.get(FROM, ""), os.environ.get(TO, "")
    real = os.path.realpath(path)
    if not home or not tree or not (real + os.sep).startswith(home + os.sep):
        return path
    for prefix in (sys.prefix, sys.exec_prefix):
        # An environment below the work tree is the interpreter's, not the project's.
        inside = os.path.realpath(prefix)
        if inside != home and (real + os.sep).startswith(inside + os.sep):
            return path
    there = os.path.join(tree, os.path.relpath(real, home))
    return there if os.path.exists(there) else path


def move() -> None:
    """Every path that modules are found by, also those of setuptools' finders."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path and moved(path) for path in sys.path if os.path.abspath(path) != here]
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)
        if name.startswith("__editable___") and isinstance(mapping, dict):
            mapping.update((key, moved(path)) for key, path in mapping.items())


def give_way() -> None:
    """Run the sitecustomize that is hidden by this one, if there is one."""
    mine = sys.modules.pop(__name__)
    try:
        __import__(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, mine)


if __name__ == "sitecustomize":
    move()
    give_way()
