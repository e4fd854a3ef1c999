"""Packages are listed as importlib.metadata lists them, without the host and its secrets."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.environments.installed import Package, installed, normalise, requirements
from tests.environments.conftest import Put

COMMIT = "4f6ac2bd1c52ae9bd1a7b4f1a4f3d5a3b2c1d0e9"
names = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,5}[A-Za-z0-9]", fullmatch=True)


def test_the_same_as_importlib_metadata():
    folders = [path for path in sys.path if path.endswith("-packages")]
    known: dict[str, str] = {}
    for distribution in metadata.distributions(path=folders):
        known.setdefault(normalise(distribution.metadata["Name"]), distribution.version)

    assert {package.name: package.version for package in installed(folders)} == known
    assert "pytest" in known


def test_sys_path_is_the_default():
    assert "pytest" in [package.name for package in installed()]


@given(names)
def test_names_compare_as_pep_503_says(name: str):
    plain = normalise(name)
    assert plain == normalise(plain) == normalise(name.upper())
    assert plain == normalise(name.replace("-", "_")) == normalise(name.replace(".", "-_."))
    assert not any(mark in plain for mark in ("_", ".", "--"))


@given(
    st.lists(st.dictionaries(names, st.sampled_from(["1.0", "2.0rc1", "3!4+cu118"])), max_size=3)
)
def test_the_first_folder_that_has_a_package_wins(tmp_path_factory, layers):
    folders: list[str] = []
    expected: dict[str, str] = {}
    for layer in layers:
        folder = tmp_path_factory.mktemp("site")
        folders.append(str(folder))
        plain = {normalise(name): version for name, version in layer.items()}
        for name, version in plain.items():
            (folder / f"{name.replace('-', '_')}-{version}.dist-info").mkdir()
            (folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA").touch()
        expected = plain | expected

    assert installed(folders) == [Package(*item) for item in sorted(expected.items())]


def test_spellings_of_old_tools(tmp_path: Path):
    made = {
        "Old_Setup-1.2-py3.11.egg-info/PKG-INFO": "",
        "zipped-0.3-py3.11-linux-x86_64.egg/EGG-INFO/PKG-INFO": "",
        "developed.egg-info/PKG-INFO": "Name: developed\nVersion: 7.1\n\nVersion: 8\n",
        "dashed-name-2.0.dist-info/METADATA": "",
        "escaped-1.0_1.dist-info/METADATA": "Name: Escaped\nVersion: 1.0-1\n",
    }
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "distutils-0.9.egg-info").write_text("Name: distutils\nVersion: 0.9\n")

    assert requirements(installed([str(tmp_path)])).decode().splitlines() == [
        "dashed-name==2.0",
        "developed==7.1",
        "distutils==0.9",
        "escaped==1.0-1",
        "old-setup==1.2",
        "zipped==0.3",
    ]


def test_debris_is_not_installed(tmp_path: Path, put: Put):
    (tmp_path / "gone-1.0.dist-info").mkdir()
    (tmp_path / "no_version.dist-info").mkdir()
    put(tmp_path, "~ip", "23.0")
    put(tmp_path, "bad name", "1.0")
    put(tmp_path, "injected", "1.0\n--index-url evil")

    assert installed([str(tmp_path), str(tmp_path / "missing"), __file__, ""]) == []


def test_of_two_versions_in_one_folder_every_machine_takes_the_same(tmp_path: Path, put: Put):
    put(tmp_path, "x", "1.0")
    put(tmp_path, "x", "1.1")
    assert installed([str(tmp_path)]) == [Package("x", "1.1")]


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            {
                "url": "https://u:p@example.com/x.git",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT},
            },
            f"x @ git+https://example.com/x.git@{COMMIT}",
        ),
        (
            {"url": "ssh://git@example.com/x", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
            | {"subdirectory": "py"},
            f"x @ git+ssh://git@example.com/x@{COMMIT}#subdirectory=py",
        ),
        (
            {"url": "ssh://git:pw@example.com:22/x", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            "x @ git+ssh://example.com:22/x@1",
        ),
        (
            {"url": "https://t0ken@example.com/x.whl?sig=s3cret#frag", "archive_info": {}},
            "x @ https://example.com/x.whl",
        ),
        (
            {"url": "https://example.com/x.zip", "archive_info": {"hash": "md5=1"}},
            "x @ https://example.com/x.zip#md5=1",
        ),
        (
            {"url": "https://example.com/x.zip", "archive_info": {"hashes": {"sha256": "ab"}}},
            "x @ https://example.com/x.zip#sha256=ab",
        ),
        (
            {"url": "https://git@example.com/x", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            "x @ git+https://example.com/x@1",
        ),
        ({"url": "file:///home/ada/x", "dir_info": {"editable": True}}, "x==1.0"),
        ({"url": "file:///home/ada/x.whl", "archive_info": {}}, "x==1.0"),
        ({"url": "file:///r", "vcs_info": {"vcs": "git", "commit_id": "1"}}, "x==1.0"),
        ({"url": "/home/ada/x", "archive_info": {}}, "x==1.0"),
        ({"url": "https://[broken/x.whl", "archive_info": {}}, "x==1.0"),
        ({"url": "https://a/x.whl\n--index-url=evil", "archive_info": {}}, "x==1.0"),
        ({"url": "https://a/x y.whl", "archive_info": {}}, "x==1.0"),
        ({"url": "https://a/x"}, "x==1.0"),
        ({"url": 7, "vcs_info": {}}, "x==1.0"),
    ],
)
def test_where_it_came_from(tmp_path: Path, put: Put, record: dict[str, object], line: str):
    put(tmp_path, "x", "1.0", record)
    assert requirements(installed([str(tmp_path)])).decode() == f"{line}\n"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_a_broken_record_is_none(tmp_path: Path, put: Put, content: bytes):
    (put(tmp_path, "x", "1.0") / "direct_url.json").write_bytes(content)
    assert installed([str(tmp_path)]) == [Package("x", "1.0")]


def test_the_project_itself_is_code_and_hides_its_older_copy(tmp_path: Path, put: Put):
    project, site, older = tmp_path / "my project", tmp_path / "site", tmp_path / "older"
    (project / "src").mkdir(parents=True)
    editable = {"url": (project / "src").as_uri(), "dir_info": {"editable": True}}
    put(site, "mine", "0.1.dev5", editable)
    put(older, "mine", "0.1")
    put(site, "theirs", "1.0", {"url": tmp_path.as_uri(), "dir_info": {"editable": True}})

    folders = [str(site), str(older)]
    assert installed(folders, project_dir=project) == [Package("theirs", "1.0")]
    assert [p.name for p in installed(folders)] == ["mine", "theirs"]
