"""From imports to the packages of an installation, with what they require."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from git_datmo.environments.generate import Generated, from_imports
from git_datmo.environments.layout import Interpreter


class Site:
    """A folder of installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        files: Sequence[str] = (),
        requires: Sequence[str] = (),
        top_level: str | None = None,
    ) -> None:
        place = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        place.mkdir()
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
        lines += [f"Requires-Dist: {text}" for text in requires]
        (place / "METADATA").write_text("\n".join(lines) + "\n\nRequires-Dist: in-the-text\n")
        if files:
            (place / "RECORD").write_text("".join(f"{path},sha256=x,1\n" for path in files))
        if top_level is not None:
            (place / "top_level.txt").write_text(top_level)

    def made(self, *sources: str, **others: bytes) -> Generated:
        listed = [(f"m{i}.py", text.encode()) for i, text in enumerate(sources)]
        listed += [(name.replace("__", "/"), data) for name, data in others.items()]
        python = Interpreter("/usr", (str(self.folder),), "3.12.4", "cpython")
        return from_imports(listed, python, project_dir=self.folder.parent / "project")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site-packages")


def lines(made: Generated) -> list[str]:
    ((path, data),) = made.definition.files
    assert path == "requirements.txt"
    return data.decode().splitlines()


def test_a_module_names_its_package_and_what_that_requires(site: Site):
    site.add("PyYAML", "6.0.3", files=["yaml/__init__.py", "_yaml/__init__.py"])
    site.add("scikit-learn", "1.7", files=["sklearn/__init__.py"], requires=["numpy>=1.2", "SciPy"])
    site.add("numpy", "2.3", files=["numpy/__init__.py"])
    site.add("scipy", "1.16", files=["scipy/__init__.py"], requires=["numpy<3; python_version>'3'"])
    site.add("flask", "3.0", files=["flask/__init__.py"])
    made = site.made("import yaml", "from sklearn.svm import SVC")
    assert lines(made) == ["numpy==2.3", "pyyaml==6.0.3", "scikit-learn==1.7", "scipy==1.16"]
    assert (made.missing, made.unread) == ((), ())
    assert made.definition.kind == "python"
    facts = {"python": {"implementation": "cpython", "version": "3.12.4"}}
    assert made.definition.summary == facts


def test_nothing_imported_is_the_interpreter_alone(site: Site):
    site.add("numpy", files=["numpy/__init__.py"])
    assert lines(site.made("import os")) == []
    assert lines(site.made()) == []


def test_single_file_modules_extensions_and_old_lists(site: Site):
    site.add("six", files=["six.py", "../../bin/six"])
    site.add("native", files=["_native.cpython-312-x86_64-linux-gnu.so"])
    site.add("old", top_level="oldmod\nother/inner\n")
    made = site.made("import six, _native, oldmod")
    assert lines(made) == ["native==1.0", "old==1.0", "six==1.0"]


def test_of_a_shared_namespace_the_package_that_has_the_name(site: Site):
    site.add("google-cloud-storage", files=["google/cloud/storage/__init__.py"])
    site.add("google-cloud-bigquery", files=["google/cloud/bigquery/__init__.py"])
    site.add("protobuf", files=["google/protobuf/__init__.py"])
    assert lines(site.made("from google.cloud import storage")) == ["google-cloud-storage==1.0"]
    assert lines(site.made("import google.protobuf.message")) == ["protobuf==1.0"]
    assert len(lines(site.made("import google"))) == 3


def test_extras_that_are_asked_for_are_followed_and_no_others(site: Site):
    site.add("a", files=["a.py"], requires=["b[fast,Other_One]>=2", "off; extra == 'dev'"])
    site.add("b", requires=["c; extra == 'fast'", "d; extra == 'slow'", "e; extra=='other-one'"])
    for name in ("c", "d", "e", "off"):
        site.add(name)
    assert lines(site.made("import a")) == ["a==1.0", "b==1.0", "c==1.0", "e==1.0"]


def test_an_extra_that_is_asked_for_later_counts(site: Site):
    site.add("a", files=["a.py"], requires=["b", "z"])
    site.add("b", requires=["c; extra == 'x'"])
    site.add("z", requires=["b[x]"])
    site.add("c")
    assert lines(site.made("import a")) == ["a==1.0", "b==1.0", "c==1.0", "z==1.0"]


def test_circles_and_what_is_not_installed_end_it(site: Site):
    site.add("a", files=["a.py"], requires=["b", "windows-thing; sys_platform == 'win32'"])
    site.add("b", requires=["a"])
    assert lines(site.made("import a")) == ["a==1.0", "b==1.0"]


def test_what_is_missing_is_said_unless_the_file_can_do_without(site: Site):
    source = "import nowhere\ntry:\n    import perhaps\nexcept ImportError:\n    perhaps = None\n"
    made = site.made(source, "import nowhere")
    assert made.missing == (("nowhere", "m0.py"),)
    assert lines(made) == []


def test_an_installed_package_wins_over_a_folder_of_that_name(site: Site):
    site.add("docker", files=["docker/__init__.py"])
    assert lines(site.made("import docker", docker__build=b"")) == ["docker==1.0"]
    made = site.made("import images", **{"images__x.py": b""})
    assert (made.missing, lines(made)) == ((), [])


def test_files_that_are_no_python_are_said(site: Site):
    assert site.made(**{"old.py": b"print 'x'"}).unread == ("old.py",)


def test_damaged_metadata_ends_nothing(site: Site):
    site.add("a", files=["a.py"], requires=["", ";", "[x]", "é==1", "b ==1"])
    site.add("b")
    place = site.folder / "c-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: c\nVersion: 1.0\n\xff\xfe")
    (place / "RECORD").write_bytes(b"\xff\xfe,,\n,,,,\nc.py,,\n")
    assert lines(site.made("import a, c")) == ["a==1.0", "b==1.0", "c==1.0"]


def test_the_same_everywhere(tmp_path: Path):
    made = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        site = Site(tmp_path / str(number) / "site-packages")
        for name in ["a", "b", "c"][:: -1 if number else 1]:
            site.add(name, files=[f"{name}.py"])
        made.append(site.made("import c, a, b").definition.facts)
    assert made[0] == made[1]
