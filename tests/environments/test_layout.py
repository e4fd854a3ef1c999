"""What an installation's files give away."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.environments.layout import normal_version, package_folders, read
from tests.environments.conftest import make_base


def make_venv(place: Path, config: str, library: str = "python3.12") -> Path:
    (place / "lib" / library / "site-packages").mkdir(parents=True)
    (place / "bin").mkdir()
    (place / "pyvenv.cfg").write_text(config)
    return place


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.11.7", "3.11.7"),
        ("3.11.7.final.0", "3.11.7"),
        ("3.13.0.candidate.2", "3.13.0rc2"),
        ("3.13.0rc2", "3.13.0rc2"),
        ("3.13.0.alpha.1", "3.13.0a1"),
        ("3.11", None),
        ("", None),
        ("3.11.7; rm", None),
    ],
)
def test_versions(text: str, version: str | None):
    assert normal_version(text) == version


@pytest.mark.parametrize("key", ["version", "version_info"])
def test_the_config_of_a_virtual_environment_says_its_version(tmp_path: Path, key: str):
    venv = make_venv(tmp_path / "v", f"home = /nowhere/bin\n{key} = 3.12.1\n")
    found = read(venv, {})
    assert found is not None
    assert (found.version, found.implementation) == ("3.12.1", "cpython")


def test_an_upgraded_base_is_believed_over_the_config(tmp_path: Path, base: Path):
    venv = make_venv(tmp_path / "v", f"home = {base}/bin\nversion = 3.12.1\n")
    found = read(venv, {})
    assert found is not None
    assert found.version == "3.12.4"


def test_pypy(tmp_path: Path):
    venv = make_venv(tmp_path / "v", "home = /nowhere\nversion_info = 3.10.14\n", "pypy3.10")
    found = read(venv, {})
    assert found is not None
    assert (found.version, found.implementation) == ("3.10.14", "pypy")


def test_the_library_of_the_named_version_among_several(tmp_path: Path):
    venv = make_venv(tmp_path / "v", "home = /nowhere\nversion = 3.12.1\n")
    (venv / "lib" / "python3.1" / "site-packages").mkdir(parents=True)
    found = read(venv, {})
    assert found is not None
    assert found.site_packages == (str(venv / "lib" / "python3.12" / "site-packages"),)


@pytest.mark.parametrize("config", ["home = /nowhere\n", "home = /nowhere\nversion = 3.12\n", "\0"])
def test_without_a_full_version_it_is_unknown(tmp_path: Path, config: str):
    assert read(make_venv(tmp_path / "v", config), {}) is None


def test_a_folder_that_is_no_python_is_unknown(tmp_path: Path):
    assert read(tmp_path, {}) is None


def test_a_development_build_has_its_number(tmp_path: Path):
    found = read(make_base(tmp_path / "b", "3.14.0a1+"), {})
    assert found is not None
    assert found.version == "3.14.0a1"


def test_the_users_own_folder_comes_first(tmp_path: Path, base: Path):
    own = tmp_path / "home" / ".local" / "lib" / "python3.12" / "site-packages"
    own.mkdir(parents=True)
    home = {"HOME": str(tmp_path / "home")}
    site = str(base / "lib" / "python3.12" / "site-packages")

    def folders(environ: dict[str, str]) -> tuple[str, ...]:
        found = read(base, environ)
        assert found is not None
        return found.site_packages

    assert folders(home) == (str(own), site)
    assert folders({**home, "PYTHONNOUSERSITE": "1"}) == (site,)
    assert folders({"HOME": "/nowhere", "PYTHONUSERBASE": f"{tmp_path}/home/.local"}) == (
        str(own),
        site,
    )


def test_the_standard_library_holds_no_packages(base: Path):
    library = base / "lib" / "python3.12"
    (library / "lib-dynload").mkdir()
    paths = ["", "relative", str(library), str(library / "lib-dynload")]
    site = str(library / "site-packages")
    assert package_folders([*paths, site, "/missing"]) == (site,)
