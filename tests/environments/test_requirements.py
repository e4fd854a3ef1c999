"""Requirement lines: without what lies on one machine, and out of other tools' files."""

from __future__ import annotations

import json

import pytest

from git_datmo.environments import requirements

PRESENT = frozenset(
    {"requirements.txt", "requirements/base.txt", "wheels/own-1.0-py3-none-any.whl"}
)


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==2.3 ; python_version >= '3.10'",
        "-r requirements/base.txt",
        "-rrequirements/base.txt",
        "--requirement=requirements/base.txt",
        "./wheels/own-1.0-py3-none-any.whl",
        "own @ https://example.com/own.zip",
        "git+https://example.com/own.git@abc#egg=own",
        "-e git+ssh://git@example.com/own.git",
        "https://example.com/own-1.0.tar.gz",
        "--index-url https://example.com/simple",
        "--hash=sha256:abc",
        "# -e .",
        "",
    ],
)
def test_what_any_machine_has_is_kept_byte_for_byte(line: str):
    data = f"a\r\n{line}\r\nb".encode()
    assert requirements.portable("requirements.txt", data, PRESENT) == (data, [])


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("-e .", "."),
        ("--editable=./lib", "./lib"),
        (".", "."),
        (".[dev]", "."),
        ("./lib ; python_version > '3'", "./lib"),
        ("/srv/own.whl", "/srv/own.whl"),
        ("~/own", "~/own"),
        ("own @ file:///srv/own.whl", "file:///srv/own.whl"),
        ("file:///srv/own.whl", "file:///srv/own.whl"),
        ("own-1.0-py3-none-any.whl", "own-1.0-py3-none-any.whl"),
        ("-r ../other.txt", "../other.txt"),
        ("-c constraints.txt  # soon", "constraints.txt"),
        ("-f ./wheelhouse", "./wheelhouse"),
        ("-e \\\n  .", "."),
    ],
)
def test_what_lies_on_one_machine_becomes_a_comment_and_is_said(line: str, named: str):
    data, notes = requirements.portable("requirements.txt", f"a\n{line}\nb\n".encode(), PRESENT)
    assert [text for text in data.decode().splitlines() if not text.startswith("#")] == ["a", "b"]
    assert notes == [f"'{named}' in requirements.txt is not part of the environment: left out"]


def test_files_are_included_from_where_they_are_named_and_packages_from_the_top():
    wheel = "wheels/own-1.0-py3-none-any.whl"
    data = f"-r base.txt\n-r requirements.txt\n./{wheel}\n../{wheel}\n".encode()
    _, notes = requirements.portable("requirements/dev.txt", data, PRESENT)
    assert [note.split("'")[1] for note in notes] == ["requirements.txt", f"../{wheel}"]


def test_a_file_that_windows_wrote():
    assert requirements.text("numpy\n".encode("utf-16")) == "numpy\n"
    assert requirements.text(b"\xef\xbb\xbfnumpy\n") == "numpy\n"
    assert requirements.text(b"\xff numpy") == "\ufffd numpy"


def test_pinned_builds_need_their_index():
    data = b"torch==2.9.0+cu128\ntorchvision==0.24.0+cu128 ; x\nother==1+local\nx==1+cpu\n"
    assert requirements.indexes(data) == (
        "https://download.pytorch.org/whl/cpu",
        "https://download.pytorch.org/whl/cu128",
    )
    assert requirements.indexes(b"torch==2.9.0\n") == ()


def test_pyproject():
    data = b"""
[project]
dependencies = ["numpy>=2", "click"]
dynamic = ["version"]
[project.optional-dependencies]
dev = ["pytest"]
"""
    found = requirements.from_pyproject(data)
    assert found.lines == ("numpy>=2", "click")
    assert found.notes == ("optional dependencies are not installed: dev",)
    dynamic = requirements.from_pyproject(b'[project]\ndynamic = ["dependencies"]')
    assert "dynamic" in dynamic.notes[0]
    assert requirements.from_pyproject(b"[").notes != ()
    assert requirements.from_pyproject(b"[project]\ndependencies = 3").lines == ()


def test_setup_cfg():
    found = requirements.from_setup_cfg(b"[options]\ninstall_requires =\n  numpy>=2\n\n  click\n")
    assert found == (("numpy>=2", "click"), ())
    assert requirements.from_setup_cfg(b"[options]\ninstall_requires = file: r.txt").notes
    assert requirements.from_setup_cfg(b"no section").notes
    assert requirements.from_setup_cfg(b"[metadata]\nname = %(x\n").lines == ()


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("setup(install_requires=['a', 'b>=1'])", ("a", "b>=1")),
        ("NEEDS = ['a']\nsetuptools.setup(install_requires=NEEDS)", ("a",)),
        ("setup(install_requires='a')", ("a",)),
        ("setup(install_requires=('a', 'b'))", ("a", "b")),
    ],
)
def test_setup_py_is_read_where_it_is_written_out(source: str, lines: tuple[str, ...]):
    assert requirements.from_setup_py(source.encode()) == (lines, ())


@pytest.mark.parametrize(
    "source",
    [
        "setup(install_requires=open('r.txt').read().split())",
        "setup(install_requires=NEEDS)",
        "setup()",
        "(",
        "\0",
        "setup(install_requires=3)",
        "NEEDS = NEEDS\nsetup(install_requires=NEEDS)",
        "setup(install_requires=" + "-" * 100_000 + "1)",
    ],
)
def test_setup_py_is_never_run(source: str):
    found = requirements.from_setup_py(source.encode())
    assert (found.lines, len(found.notes)) == ((), 1)


def test_pipfile():
    data = b"""
[packages]
click = "*"
numpy = ">=2"
rich = {version = "==13.1", extras = ["jupyter"], markers = "python_version > '3'"}
own = {git = "https://example.com/own.git", ref = "abc"}
near = {path = ".", editable = true}
"""
    found = requirements.from_pipfile(data)
    assert found.lines == (
        "click",
        "numpy>=2",
        "own @ git+https://example.com/own.git@abc",
        "rich[jupyter]==13.1 ; python_version > '3'",
    )
    assert found.notes == ("'near' of Pipfile lies on one machine: left out",)


def test_pipfile_lock_has_hashes_for_all_or_for_none():
    entry = {"version": "==1.0", "hashes": ["sha256:aa", "sha256:bb"]}
    lock = {"default": {"a": entry, "b": entry}, "develop": {"c": entry}}
    found = requirements.from_pipfile_lock(json.dumps(lock).encode())
    hashes = " --hash=sha256:aa --hash=sha256:bb"
    assert found == ((f"a==1.0{hashes}", f"b==1.0{hashes}"), ())
    lock["default"]["b"] = {"version": "==1.0"}
    assert requirements.from_pipfile_lock(json.dumps(lock).encode()).lines == ("a==1.0", "b==1.0")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"default": 3}', b'{"default": {"a": 3}}'])
def test_damaged_locks_give_nothing(data: bytes):
    assert requirements.from_pipfile_lock(data).lines == ()
