"""Which files of a project are its environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.environments.detect import RULES, definition_from_paths, detect
from git_datmo.errors import ValidationFailed
from git_datmo.model.environment import Definition


def found(files: dict[str, bytes]) -> tuple[str, tuple[str, ...]] | None:
    definition = detect(files, files.__getitem__)
    return None if definition is None else (definition.kind, definition.paths)


def test_a_project_on_disk(tmp_path: Path):
    tree = {"Dockerfile": b"FROM x\r\n", "train.py": b"import os\n", "requirements/dev.txt": b"a\n"}
    for name, data in tree.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    paths = [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()]

    definition = detect(paths, lambda path: (tmp_path / path).read_bytes())

    assert definition == Definition(
        (("Dockerfile", b"FROM x\r\n"), ("requirements/dev.txt", b"a\n")), "docker"
    )


@pytest.mark.parametrize(
    "rule", [r for r in RULES if r.counts == "always"], ids=lambda r: r.pattern
)
def test_every_place_that_always_counts(rule):
    name = rule.pattern.replace("*", "x")
    assert found({name: b"", "main.py": b""}) == (rule.kind, (name,))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "sub/Dockerfile",
            "requirements/a/b.txt",
            "docs/requirements.txt",
            "dockerfile",
            "main.py",
        ),
        *("environment/Dockerfile", "requirements.md", "package.json", "requirements/\udcff.txt"),
    ],
)
def test_other_places_do_not_count(name: str):
    assert found({name: b""}) is None


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"uv.lock": b"", "Dockerfile": b"", "environment.yml": b"dependencies:\n"}, "docker"),
        ({"uv.lock": b"", "environment.yml": b"dependencies:\n", "renv.lock": b""}, "conda"),
        ({"pixi.lock": b"", "requirements.txt": b""}, "pixi"),
        ({"renv.lock": b"", "requirements.txt": b"", "Manifest.toml": b""}, "python"),
        ({"renv.lock": b"", "Manifest.toml": b""}, "r"),
    ],
)
def test_all_files_count_and_the_first_kind_names_them(files: dict[str, bytes], kind: str):
    assert found(files) == (kind, tuple(sorted(files)))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pyproject.toml", b'[project]\ndependencies = ["numpy"]\n'),
        ("pyproject.toml", b'[project]\ndynamic = ["version", "dependencies"]\n'),
        ("pyproject.toml", b'[project.optional-dependencies]\nx = ["numpy"]\n'),
        ("pyproject.toml", b'[dependency-groups]\ndev = ["pytest"]\n'),
        ("pyproject.toml", b'[tool.poetry.dependencies]\nnumpy = "*"\n'),
        ("pyproject.toml", b'[tool.poetry.group.dev.dependencies]\nnumpy = "*"\n'),
        ("pyproject.toml", b'[tool.pixi.dependencies]\nnumpy = "*"\n'),
        ("pyproject.toml", b"not [ toml"),
        ("pyproject.toml", b"\xff\xfe"),
        ("pyproject.toml", b"x = " + b"[" * 100_000),
        ("setup.py", b"setup(install_requires=['numpy'])\n"),
        ("setup.cfg", b"[options]\ninstall_requires =\n  numpy\n"),
        ("environment.yml", b"name: x\ndependencies:\n  - numpy\n"),
        ("DESCRIPTION", b"Package: x\nImports: dplyr\n"),
        ("Project.toml", b'[deps]\nCSV = "336ed68f"\n'),
    ],
)
def test_a_file_that_declares_dependencies_counts(name: str, data: bytes):
    assert found({name: data}) is not None


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pyproject.toml", b"[tool.ruff]\nline-length = 100\n"),
        ("pyproject.toml", b'project = 1\ntool = ["x"]\n'),
        ("pyproject.toml", b'[project]\nname = "x"\ndependencies = []\ndynamic = ["version"]\n'),
        ("setup.py", b"setup(name='x')\n"),
        ("setup.cfg", b"[flake8]\nmax-line-length = 100\n"),
        ("environment.yml", b"stage: production\n"),
        ("DESCRIPTION", b"A text about the project.\n"),
        ("Project.toml", b'title = "x"\n'),
        ("constraints.txt", b"numpy<2\n"),
        (".python-version", b"3.12\n"),
    ],
)
def test_a_file_that_declares_nothing_does_not_count(name: str, data: bytes):
    assert found({name: data}) is None


def test_a_lock_brings_its_project_file():
    ruff = b"[tool.ruff]\n"
    assert found({"uv.lock": b"", "pyproject.toml": ruff}) == (
        "python",
        ("pyproject.toml", "uv.lock"),
    )
    assert found({"requirements.txt": b"", "pyproject.toml": ruff, "setup.cfg": b"[x]"}) == (
        "python",
        ("requirements.txt",),
    )
    assert found({"uv.lock": b"", "setup.cfg": b"[flake8]"}) == ("python", ("uv.lock",))


def test_companions_count_beside_their_kind_only():
    companions = {".python-version": b"3.12\n", "constraints.txt": b""}
    assert found({**companions, "requirements.txt": b""}) == (
        "python",
        (".python-version", "constraints.txt", "requirements.txt"),
    )
    assert found({**companions, "Dockerfile": b""}) == ("docker", ("Dockerfile",))


@pytest.mark.parametrize(
    "line",
    [
        *("-r deps/base.txt", "-rdeps/base.txt", "--requirement deps/base.txt", "-c deps/base.txt"),
        *("--constraint=deps/base.txt", "-r  'deps/base.txt'  # why", "-r \\\n deps/base.txt"),
        *("-r ./deps/../deps/base.txt", '-r "deps/base.txt"'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_includes_are_followed_from_file_to_file(line: str, encoding: str):
    files = {
        "requirements.txt": f"numpy\n{line}\n".encode(encoding),
        "deps/base.txt": b"-r more.in\n-r ../requirements.txt\n",
        "deps/more.in": b"-r more.in\n",
        "deps/other.txt": b"",
    }
    assert found(files) == ("python", ("deps/base.txt", "deps/more.in", "requirements.txt"))


@pytest.mark.parametrize("item", ["- -r deps/base.txt", '- "-r deps/base.txt"'])
def test_includes_of_a_conda_file_are_followed(item: str):
    conda = f"dependencies:\n  - pip:\n    {item}\n".encode()
    assert found({"environment.yml": conda, "deps/base.txt": b""}) == (
        "conda",
        ("deps/base.txt", "environment.yml"),
    )


@pytest.mark.parametrize(
    "line",
    [
        *(
            "-r ../secret.txt",
            "-r /etc/passwd",
            "-r https://example.com/r.txt",
            "# -r deps/base.txt",
        ),
        *("-r environment.json", "-r deps", "-r", "--require-hashes", "-e .", "-r .git/config"),
    ],
)
def test_nothing_else_is_reached(line: str):
    files = {"requirements.txt": line.encode(), "deps/base.txt": b"", "environment.json": b"{}"}
    read: list[str] = []

    def reader(path: str) -> bytes:
        read.append(path)
        return files[path]

    definition = detect([*files, ".git/config"], reader)

    assert definition is not None
    assert definition.paths == ("requirements.txt",)
    assert read == ["requirements.txt"]


def test_named_by_hand_is_the_same_as_found():
    files = {"Dockerfile": b"FROM x\n", "requirements.txt": b"numpy\n"}
    assert definition_from_paths(files.items()) == detect(files, files.__getitem__)


def test_files_of_no_known_kind_can_be_named():
    assert definition_from_paths([("flake.nix", b"{}")]).kind == "files"
    with pytest.raises(ValidationFailed):
        definition_from_paths([])


paths = st.one_of(
    st.sampled_from([rule.pattern.replace("*", "x") for rule in RULES]),
    st.text("ab./\udcff-r", min_size=1, max_size=6).map(lambda name: f"requirements{name}.txt"),
)
contents = st.one_of(st.binary(), st.text("-rc./ab \n#=\"'").map(str.encode))


@given(st.dictionaries(paths, contents))
def test_any_tree_can_be_looked_at(files: dict[str, bytes]):
    definition = detect(iter(files), files.__getitem__)
    if definition is not None:
        assert all(files[path] == data for path, data in definition.files)
