"""Old import lines: `from t9k import em`, where somebody asked for it and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.compat.em.configuration import Configuration

KEY = "01234567-89ab-cdef-0123-456789abcdef"


def python(*words: str, cwd: Path, code: int = 0) -> str:
    """What a Python of its own prints, standard error included."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_every_old_import_line_gives_ours(tmp_path: Path):
    script = tmp_path / "old.py"
    script.write_text("""
import sys
import t9k
import t9k.em
import t9k.em as short
from t9k import em, CONFIG
from t9k.em import create_run, keras, lightning, load_artifact
import t9k.em.keras, t9k.em.lightning

import git_datmo
assert em is t9k.em is short is git_datmo.em is git_datmo.compat.em
assert t9k.em.keras is keras is git_datmo.compat.em.keras
assert t9k.em.lightning is lightning
assert create_run is em.create_run and load_artifact is em.load_artifact
assert t9k.CONFIG is CONFIG and CONFIG["aistore_host"] is None
assert "pygit2" not in sys.modules
print(sys.argv[1:], __name__, sys.path[0])
""")
    said = python("-m", "git_datmo.compat.em", "old.py", "--lr", "0.1", cwd=tmp_path)
    assert said == f"['--lr', '0.1'] __main__ {tmp_path}\n"
    assert not (tmp_path / ".em").exists()


def test_without_being_asked_nothing_has_that_name(tmp_path: Path):
    said = python("-c", "from git_datmo import em; import t9k", cwd=tmp_path, code=1)
    assert "No module named 't9k'" in said


def test_twice_is_fine_and_other_names_too(tmp_path: Path):
    (tmp_path / "t9k").mkdir()  # a bare folder is no package
    python(
        "-c",
        "from git_datmo import em\n"
        "assert em.install_as() is em.install_as('t9k.em') is em.install_as('em') is em\n"
        "em.install_as('t9k.other')\n"
        "import em as e, t9k.em, t9k.other\n"
        "assert e is em is t9k.em is t9k.other and t9k.CONFIG['api_key'] is None",
        cwd=tmp_path,
    )


def test_an_installed_package_is_left_alone(tmp_path: Path):
    (tmp_path / "t9k").mkdir()
    (tmp_path / "t9k" / "__init__.py").write_text("mine = 1")
    said = python(
        "-c",
        "from git_datmo import em, errors\n"
        "for name in ('t9k.em', 'json.em', 'sys'):\n"
        "    try: em.install_as(name)\n"
        "    except errors.Conflict as error: print(error)\n"
        "import t9k; assert t9k.mine and not hasattr(t9k, 'em')",
        cwd=tmp_path,
    ).splitlines()
    assert [line.partition(" is ")[0] for line in said] == ["'t9k'", "'json'", "'sys'"]
    (tmp_path / "train.py").write_text("raise SystemExit('it ran')")
    refused = python("-m", "git_datmo.compat.em", "train.py", cwd=tmp_path, code=2)
    assert "'t9k' is a package of its own here" in refused
    assert "Traceback" not in refused


def test_what_is_no_name_and_no_script_is_refused(tmp_path: Path):
    python(
        "-c",
        "from git_datmo import em\n"
        "for name in ('', 'a b', 't9k.', '.em', 3):\n"
        "    try: em.install_as(name)\n"
        "    except ValueError: continue\n"
        "    raise SystemExit(name)",
        cwd=tmp_path,
    )
    assert "usage:" in python("-m", "git_datmo.compat.em", cwd=tmp_path, code=2)
    assert "no file" in python("-m", "git_datmo.compat.em", "no.py", cwd=tmp_path, code=2)


def test_the_configuration_keeps_hosts_and_forgets_keys():
    config = Configuration()
    assert config.to_dict() == dict.fromkeys(["api_key", "aistore_host", "asset_hub_host"])
    config.update({"aistore_host": "https://store.example/x", "api_key": KEY})
    assert config["aistore_host"] == "https://store.example/x"
    assert config["api_key"] is None
    assert KEY not in repr(config)
    assert config.get("api_key", "none") == "none"
    assert list(config.items())[1] == ("aistore_host", "https://store.example/x")
    config.to_dict()["aistore_host"] = None
    assert config["aistore_host"] is not None


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("host", "x", ValueError, "Invalid SDK config item: host"),
        ("api_key", "no-uuid", ValueError, "Invalid API Key format"),
        ("api_key", f"{KEY}\n", ValueError, "Invalid API Key format"),
        ("aistore_host", 3, TypeError, "not int"),
        ("aistore_host", "store.example", ValueError, "No scheme supplied"),
        ("asset_hub_host", "http://", ValueError, "No host supplied"),
    ],
)
def test_the_configuration_refuses(name: str, value: str, error: type[Exception], text: str):
    config = Configuration()
    with pytest.raises(error, match=text):
        config.update({"aistore_host": "https://store.example", name: value})
    assert config.to_dict() == Configuration().to_dict()


def test_the_configuration_has_no_other_items():
    config = Configuration()
    for ask in (config.get, config.__getitem__):
        with pytest.raises(ValueError, match="Invalid SDK config item: x"):
            ask("x")
    assert "x" not in config
