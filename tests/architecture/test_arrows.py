"""The house: which room may import which, where dependencies live, how long a file is.

Imports inside functions count like any other; only `if TYPE_CHECKING:` does not. A rule that
fails here is changed in the table below, with a reason, or the code is put where it belongs.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib

from tests.architecture.source import (
    PACKAGE,
    ROOT,
    Module,
    foreign,
    imported,
    knots,
    modules,
    own_edges,
    own_graph,
)

GROUND = {"errors", "version"}
VALUES = GROUND | {"model"}
RECORDS = VALUES | {"storage", "records"}
# Whom a room may import besides itself. A room that is not here may not exist.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "version": set(),
    "model": GROUND,
    "storage": VALUES,
    "records": VALUES | {"storage"},
    "environments": RECORDS,
    "remotes": RECORDS,
    "hooks": RECORDS,
    "runners": VALUES | {"storage", "runners.docker"},  # the registry names its adapters
    "runners.docker": VALUES | {"storage", "runners"},
    "api": RECORDS | {"environments", "remotes", "hooks", "runners"},
    "ui": VALUES,
    "ui.web": VALUES | {"ui", "api"},
    "compat": VALUES | {"api", "tracking", "config"},
    "cli": VALUES | {"api", "ui", "ui.web", "compat"},  # `em` is t9k's own command
    "config": GROUND,
    "demo": set(),  # plain Python that imports nothing of ours, as it lies in a demo project
    "sdk": VALUES | {"api", "config", "ui"},  # what can be drawn is given as a drawing
    "tracking": VALUES | {"api", "config"},
    "logger": VALUES | {"tracking"},
    "__main__": GROUND | {"cli"},
    "": VALUES | {"sdk", "config", "compat", "tracking", "logger"},  # the front door
}

# Where each dependency may be imported; None is anywhere. What is not here is not a dependency.
PLACES: dict[str, tuple[str, ...] | None] = {
    "pygit2": ("storage",),
    "xxhash": ("storage",),
    "blake3": ("storage",),
    "click": ("cli",),
    "rich": ("ui", "ui.web"),
    "docker": ("runners.docker",),
    "pandas": ("model",),  # only where a list is asked for its data frame
    "obstore": ("remotes",),
    "botocore": ("remotes",),
    "urllib3": ("remotes",),
    "squirrel": ("compat",),
    "pluggy": ("compat",),
    "msgpack": ("compat",),
    # An object to be logged may be one of its arrays; a million points are thinned as one.
    "numpy": ("compat", "api", "ui"),
    "tsdownsample": ("api",),
    "plotext": ("ui",),
    "matplotlib": ("ui",),
    "jinja2": ("ui", "ui.web"),
    "starlette": ("ui.web",),
    "uvicorn": ("ui.web",),
    "anyio": ("ui.web",),
    "orjson": None,
    "yaml": None,
}

DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "shared", "tools"}

# What a verb may not touch: it gets everything as an argument and returns a value.
PROCESS = {
    *("print", "input", "exit", "sys.exit", "sys.stdout", "sys.stderr", "sys.argv"),
    *("os.environ", "os.getenv", "os.getcwd", "os.chdir", "os._exit", "Path.cwd"),
}


def every_module() -> list[Module]:
    return list(modules().values())


def test_the_source_was_found():
    assert f"{PACKAGE}.errors" in modules()


def test_deferred_imports_are_seen_and_typing_ones_are_not():
    text = """
import a.b
if TYPE_CHECKING:
    import unseen
else:
    import c
def f():
    from d import e
    importlib.import_module("g.h")
"""
    assert set(imported(ast.parse(text))) == {"a.b", "c", "d.e", "g.h"}


def test_knots_are_seen():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
    assert knots(graph) == [["b", "c"], ["e"]]


def test_arrows_point_down():
    rooms = {module.room for module in every_module()}
    assert rooms <= MAY_IMPORT.keys(), "not a room of this house"
    wrong = [
        f"{module.name} imports {target}"
        for module in every_module()
        for target in own_edges(module)
        if modules()[target].room not in MAY_IMPORT[module.room] | {module.room}
    ]
    assert wrong == []


def test_every_dependency_has_its_place():
    wrong = []
    for module in every_module():
        others = foreign(module) - sys.stdlib_module_names
        assert others <= PLACES.keys(), f"{module.name}: not a declared dependency"
        wrong += [
            f"{module.name} imports {name}"
            for name in others
            if (places := PLACES[name]) is not None and module.room not in places
        ]
    assert wrong == []


def test_every_package_that_is_asked_for_is_used():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in asked}
    used = {name for module in every_module() for name in foreign(module)}
    assert {"pygit2", "click", "orjson", "xxhash", "docker"} <= names
    assert names - {"pyyaml"} <= used
    assert "yaml" in used


def test_the_table_itself_has_no_cycle_but_the_runners():
    done: set[str] = set()
    left = {room: may - {"runners", "runners.docker"} for room, may in MAY_IMPORT.items()}
    while ready := [room for room, may in left.items() if may <= done]:
        done |= set(ready)
        left = {room: may for room, may in left.items() if room not in done}
    assert left == {}


def test_no_module_can_reach_itself():
    assert knots(own_graph()) == []


def test_a_file_holds_one_idea():
    lines = {module.name: module.file.read_text().count("\n") for module in every_module()}
    assert lines.pop(f"{PACKAGE}.errors") <= 350, "one tree, one picture of it"
    assert {name: many for name, many in lines.items() if many > 300} == {}, "two ideas in one?"


def test_no_drawer_without_a_label():
    assert {name for name in modules() if DRAWERS & set(name.split("."))} == set()


def test_the_front_door_is_lazy():
    door = modules()[PACKAGE].tree()
    at_import = [node for node in door.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in at_import
        for alias in node.names
    }
    allowed = {"__future__", "importlib", "typing", "types", f"{PACKAGE}.version"}
    assert names <= allowed, "importing git_datmo must cost nothing until it is used"


def test_a_verb_never_touches_the_process():
    found = {
        f"{module.name}: {text}"
        for module in every_module()
        if module.room == "api"
        for node in ast.walk(module.tree())
        if isinstance(node, ast.Name | ast.Attribute) and (text := ast.unparse(node)) in PROCESS
    }
    assert found == set()


def test_no_mocks():
    seen = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "tests").rglob("*.py"))
        if "unittest" + ".mock" in file.read_text() or "Magic" + "Mock" in file.read_text()
    ]
    assert seen == []
