"""Virtual environments: made once, whole or not at all, by pip or uv."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from git_datmo.errors import EngineError
from git_datmo.runners.base import Prepared, Recipe
from git_datmo.runners.local import venv
from git_datmo.runners.local.runner import LocalRunner
from git_datmo.runners.local.steps import uv_form
from tests.contracts.place import Place

VERSION = ".".join(map(str, sys.version_info[:3]))
ID = "e" * 40


def wheel(name: str, code: str, entry: str = "") -> tuple[str, bytes]:
    """A wheel of one module, with a program where `entry` names its function."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if entry:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name}-tool = {name}:{entry}\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path, text in files.items():
            packed.writestr(path, text)
    return f"{name}-1.0-py3-none-any.whl", buffer.getvalue()


THING = wheel("thing", "def main(): print('a thing at work')\nVALUE = 42\n", "main")
INSTALL = ("{python}", "-m", "pip", "install", "--no-index", f"{{context}}/{THING[0]}")
RECIPE = Recipe(ID, "python", (THING,), (INSTALL,), VERSION)
# The same without an installer: unpacks the wheel.
UNPACK = (
    *("{python}", "-c"),
    "import sys, sysconfig, zipfile\n"
    "zipfile.ZipFile(sys.argv[1]).extractall(sysconfig.get_path('purelib'))\n"
    "print('unpacked')",
    f"{{context}}/{THING[0]}",
)
QUICK = replace(RECIPE, install=(UNPACK,))


@pytest.fixture(params=["pip", "uv"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """With uv on PATH, and without."""
    found = shutil.which("uv")
    if request.param == "uv":
        if found is None:
            pytest.skip("uv is not on PATH")
        # Where pip is told in a file where packages are, it goes before uv.
        monkeypatch.setenv("UV_DEFAULT_INDEX", "https://index.invalid/simple")
    elif found is not None:
        folders = [f for f in os.environ["PATH"].split(os.pathsep) if not Path(f, "uv").exists()]
        bin = tmp_path / "bin"
        bin.mkdir()
        for name in ("python3", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
            (bin / name).symlink_to(sys.executable)
        monkeypatch.setenv("PATH", os.pathsep.join([str(bin), *folders]))
    return str(request.param)


def prepared(local: Place, recipe: Recipe, said: list[str] | None = None) -> Prepared:
    return local.runner.prepare(
        recipe, local.job("true"), (said if said is not None else []).append
    )


def test_it_is_made_used_and_kept(local: Place, tool: str):
    place = replace(local, recipe=RECIPE)
    text = "import sys, thing; print(thing.VALUE, sys.prefix)"
    done = place.python(text)
    folder = local.settings["venvs"] / ID
    assert done.text == f"42 {folder}\n"
    assert place.run("thing-tool").text == "a thing at work\n"
    assert place.shell("echo $VIRTUAL_ENV").text == f"{folder}\n"
    said: list[str] = []
    again = LocalRunner(environ={}, settings=local.settings)
    facts = again.prepare(RECIPE, local.job("true"), said.append).facts
    assert said == [], "the second time there is nothing to make"
    assert facts == {"python": VERSION, "tool": tool, "interpreter": str(folder / "bin/python")}


def test_a_step_that_fails_is_named_and_its_output_kept(local: Place):
    step = ("{python}", "-c", "print('first\\nlast words'); raise SystemExit(3)")
    said: list[str] = []
    with pytest.raises(EngineError, match="failed with exit code 3: last words") as caught:
        prepared(local, replace(QUICK, install=(UNPACK, step)), said)
    assert "raise SystemExit" in caught.value.message
    log = Path(str(caught.value.hint).rpartition(" ")[2])
    assert "first\nlast words\n" in log.read_text()
    assert "first" in said
    assert replace(local, recipe=QUICK).python("import thing").end.exit_code == 0, "a fresh start"
    with pytest.raises(EngineError, match="cannot be started"):
        prepared(local, Recipe("f" * 40, "python", (), (("/no/such/tool",),), VERSION))


def test_one_that_was_cut_off_is_made_again(local: Place):
    prepared(local, QUICK)
    folder = local.settings["venvs"] / ID
    (folder / venv.WHOLE).unlink()
    (folder / "half").write_text("made")
    assert replace(local, recipe=QUICK).python("import thing").end.exit_code == 0
    assert not (folder / "half").exists()


def test_one_whose_interpreter_is_gone_is_made_again(local: Place):
    prepared(local, QUICK)
    python = local.settings["venvs"] / ID / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")
    assert replace(local, recipe=QUICK).python("import thing").end.exit_code == 0


def test_builders_killed_midway_leave_nothing_in_the_way(local: Place):
    slow = ("{python}", "-c", "import time; print('slow'); time.sleep(60)")
    text = (
        "import pickle, sys\n"
        "from git_datmo.runners import registry\n"
        "settings, job, recipe = pickle.load(sys.stdin.buffer)\n"
        "runner = registry.make('local', environ={}, settings=settings)\n"
        "runner.prepare(recipe, job, lambda text: print(text, flush=True))\n"
    )
    given = pickle.dumps((local.settings, local.job("true"), replace(QUICK, install=(slow,))))
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as builder:
        assert builder.stdin is not None
        assert builder.stdout is not None
        builder.stdin.write(given)
        builder.stdin.close()
        assert any(line == b"slow\n" for line in iter(builder.stdout.readline, b""))
        builder.kill()
    assert replace(local, recipe=QUICK).python("import thing").end.exit_code == 0


def test_builders_side_by_side_make_one(local: Place):
    said: list[list[str]] = [[], [], []]
    threads = [threading.Thread(target=prepared, args=(local, QUICK, lines)) for lines in said]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("unpacked" in lines for lines in said) == 1
    assert (local.settings["venvs"] / ID / venv.WHOLE).exists()


def test_files_of_the_definition_are_there_for_the_steps(local: Place):
    step = ("{python}", "-c", "import sys; print(open(sys.argv[1]).read(), open('a').read())")
    context = (("needs/b", b"below"), ("a", b"beside"))
    said: list[str] = []
    prepared(local, replace(QUICK, context=context, install=((*step, "{context}/needs/b"),)), said)
    assert "below beside" in said


def test_the_users_own_settings_do_not_reach_in(local: Place):
    job = local.job("true", environ={**os.environ, "PYTHONHOME": "/no", "PYTHONPATH": "/no/path"})
    assert local.runner.prepare(QUICK, job, print).facts["python"] == VERSION
    done = replace(local, recipe=QUICK).python(
        "import thing", environ={**os.environ, "PYTHONHOME": "/no"}
    )
    assert done.end.exit_code == 0


def test_without_steps_it_is_bare(local: Place):
    recipe = Recipe(ID, "python", (), (), VERSION)
    done = replace(local, recipe=recipe).python("import sys; print(sys.prefix != sys.base_prefix)")
    assert done.text == "True\n"


@pytest.mark.parametrize("path", ["../out", "/abs", "a/../../b", ""])
def test_files_outside_are_refused(local: Place, path: str, tmp_path: Path):
    with pytest.raises(EngineError, match="called"):
        prepared(local, replace(RECIPE, context=((path, b"x"),)))
    assert not (tmp_path / "venvs" / "out").exists()


def test_a_version_that_is_not_here(local: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "python3").symlink_to(sys.executable)
    with pytest.raises(EngineError, match=r"Python 3\.2") as caught:
        prepared(local, replace(RECIPE, python="3.2"))
    assert "--runner docker" in str(caught.value.hint)


def test_what_only_a_container_can_be_made_of(local: Place):
    recipe = Recipe(ID, "dockerfile", (("Dockerfile", b"FROM scratch"),))
    with pytest.raises(EngineError, match="dockerfile") as caught:
        prepared(local, recipe)
    assert "--runner docker" in str(caught.value.hint)


def test_a_lock_that_needs_uv(local: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="needs uv"):
        prepared(local, replace(RECIPE, install=(("uv", "sync", "--frozen"),)))


def test_a_project_locked_by_uv(local: Place):
    if shutil.which("uv") is None:
        pytest.skip("uv is not on PATH")
    project = (
        '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["thing"]\n[tool.uv]\npackage = false\n'
        f'[tool.uv.sources]\nthing = {{ path = "{THING[0]}" }}\n'
    )
    build = local.root / "project"
    build.mkdir()
    (build / "pyproject.toml").write_text(project)
    (build / THING[0]).write_bytes(THING[1])
    subprocess.run(["uv", "lock", "--offline", "-q"], cwd=build, check=True)
    context = (
        THING,
        ("pyproject.toml", project.encode()),
        ("uv.lock", (build / "uv.lock").read_bytes()),
    )
    step = ("uv", "sync", "--frozen", "--offline", "--project", "{context}")
    recipe = Recipe(ID, "python", context, (step,), VERSION)
    done = replace(local, recipe=recipe).python("import sys, thing; print(thing.VALUE, sys.prefix)")
    assert done.text == f"42 {local.settings['venvs'] / ID}\n"


def test_pip_settings_that_uv_does_not_read(tmp_path: Path):
    home = tmp_path / "home"
    (home / ".config/pip").mkdir(parents=True)
    environ = {"HOME": str(home)}
    assert venv.pip_is_set_up(environ) == Path("/etc/pip.conf").exists()
    (home / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://pip.example/simple\n")
    assert venv.pip_is_set_up(environ)
    assert not venv.pip_is_set_up({**environ, "UV_DEFAULT_INDEX": "https://uv.example/simple"})


def test_steps_that_uv_may_take():
    pip = ["python", "-m", "pip", "install"]
    uv = ["/bin/uv", "pip", "install", "--python", "py"]
    assert uv_form("/bin/uv", "py", [*pip, "-r", "a"]) == [*uv, "-r", "a"]
    assert uv_form("/bin/uv", "py", [*pip, "--find-links=x", "b"]) == [*uv, "--find-links=x", "b"]
    assert uv_form("/bin/uv", "py", [*pip, "--user", "b"]) is None
    assert uv_form("/bin/uv", "py", ["make"]) is None
    assert uv_form("/bin/uv", "py", ["uv", "sync"]) == ["/bin/uv", "sync"]
