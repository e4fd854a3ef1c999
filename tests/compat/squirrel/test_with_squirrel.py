"""With squirrel-core really installed; `.ci/squirrel` runs this in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.git import Repo

base: Any = pytest.importorskip("squirrel.artifact_manager.base", reason="needs squirrel-core")

from squirrel.artifact_manager import filesystem  # noqa: E402
from squirrel.catalog import Catalog  # noqa: E402
from squirrel.catalog.catalog import CatalogSource  # noqa: E402
from squirrel.framework.plugins.plugin_manager import list_driver_names  # noqa: E402
from squirrel.serialization import JsonSerializer, MessagepackSerializer  # noqa: E402

from git_datmo.compat import squirrel as ours  # noqa: E402
from git_datmo.compat.squirrel import GitArtifactManager  # noqa: E402


@pytest.fixture
def manager(project: Repo, tmp_path: Path) -> GitArtifactManager:
    made = GitArtifactManager(collection="c")
    (tmp_path / "src" / "in").mkdir(parents=True)
    (tmp_path / "src" / "in" / "f").write_text("0")
    made.log_files("x", tmp_path / "src")
    (tmp_path / "src" / "g").write_text("1")
    made.log_files("x", tmp_path / "src")
    return made


def test_the_classes_are_squirrels(manager: GitArtifactManager) -> None:
    assert ours.ArtifactManager is base.ArtifactManager
    assert isinstance(manager, base.ArtifactManager)
    assert isinstance(manager.log_folder("y"), base.DirectoryLogger)
    assert isinstance(manager.download_artifact("x"), base.TmpArtifact)
    assert isinstance(manager.get_artifact_source("x"), CatalogSource)
    assert isinstance(manager.store_to_catalog(), Catalog)
    assert GitArtifactManager.exists is base.ArtifactManager.exists


def test_squirrels_own_contexts_work_with_it(manager: GitArtifactManager) -> None:
    with base.DirectoryLogger(manager, "y") as folder:
        (folder / "f").write_text("f")
    with base.TmpArtifact(manager, "c", "y", None) as folder:
        assert (folder / "f").read_text() == "f"


def test_sources_open_through_squirrel(manager: GitArtifactManager) -> None:
    catalog: Any = manager.collection_to_catalog()
    driver: Any = catalog["c/x", 1].get_driver()
    assert list(driver.keys()) == ["in/f"]
    assert driver.get("in/f") == b"0"
    assert sorted(catalog["c/x"].get_driver().keys()) == ["g", "in/f"]
    assert catalog["c/x"].get_driver().get_iter(flatten=False).collect() in (
        [b"0", b"1"],
        [b"1", b"0"],
    )
    # squirrel's own folders are read as ever, by a driver of the same name.
    assert "directory" in list_driver_names()


def test_a_catalog_survives_squirrels_yaml(manager: GitArtifactManager, tmp_path: Path) -> None:
    catalog: Any = manager.store_to_catalog()
    assert catalog.copy() == catalog
    path = str(tmp_path / "catalog.yaml")
    catalog.to_file(path)
    # Another process that never heard of us: the view is made all the same.
    script = (
        "import sys\n"
        "from squirrel.catalog import Catalog\n"
        "catalog = Catalog.from_files([sys.argv[1]])\n"
        "print(catalog['c/x', 1].get_driver().get('in/f').decode())\n"
        "print(catalog['c/x'].metadata['commit'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, cwd=tmp_path
    )
    commit = manager.get_artifact_source("x").metadata["commit"]
    assert (done.stdout, done.returncode) == (f"0\n{commit}\n", 0), done.stderr
    assert Catalog.from_files([path]) == catalog
    sliced = catalog.slice(["c/x"]).filter(lambda source: source.version == 2)
    assert sliced["c/x"].get_driver().get("g") == b"1"


def test_the_yaml_of_a_stand_in_is_squirrels(manager: GitArtifactManager, tmp_path: Path) -> None:
    from git_datmo.compat.squirrel import catalog as light

    small = light.Catalog()
    for key, newest in manager.store_to_catalog():
        for version, source in newest.versions.items():
            small[key, version] = light.Source(
                source.driver_name, source.driver_kwargs, source.metadata
            )
    small.to_file(tmp_path / "light.yaml")
    assert Catalog.from_files([str(tmp_path / "light.yaml")]) == manager.store_to_catalog()


@pytest.mark.parametrize("own", [JsonSerializer, MessagepackSerializer])
def test_squirrels_serializers_and_ours_read_each_other(
    manager: GitArtifactManager, own: Any
) -> None:
    import numpy

    value: dict[str, Any] = {"name": "John", "age": 30, "a": [1.5, None, "é"]}
    arrays = {"n": numpy.arange(6, dtype="<f4").reshape(2, 3)}
    # Its JSON fails on any array with NumPy 2.
    both = own is MessagepackSerializer or hasattr(numpy, "float_")
    cases: list[dict[str, Any]] = [value, arrays] if both else [value]
    for written in cases:
        manager.log_artifact(written, "o", serializer=own())
        name = {"JsonSerializer": "jsonl", "MessagepackSerializer": "messagepack"}[own.__name__]
        with manager.download_artifact("o") as folder:
            data = (folder / name).read_bytes()
        for read in (own().deserialize(data), manager.get_artifact("o", serializer=own())):
            assert read.keys() == written.keys()
            for key in read:
                assert numpy.array_equal(read[key], written[key])
        again = ours.JsonSerializer if own is JsonSerializer else ours.MessagepackSerializer
        found = again().deserialize(own().serialize(written))
        assert found.keys() == written.keys()


def test_both_managers_answer_alike(manager: GitArtifactManager, tmp_path: Path) -> None:
    theirs = filesystem.FileSystemArtifactManager(str(tmp_path / "store"), auto_mkdir=True)
    theirs.active_collection = "c"
    (tmp_path / "src" / "g").unlink()
    theirs.log_files("x", tmp_path / "src")
    (tmp_path / "src" / "g").write_text("1")
    theirs.log_files("x", tmp_path / "src")
    answers = []
    for each in (manager, theirs):
        catalog = each.store_to_catalog()
        source = each.get_artifact_source("x", version="v0")
        to = tmp_path / type(each).__name__
        each.download_collection(to=to)
        said = {key: source.metadata[key] for key in ("collection", "artifact", "version")}
        answers.append(
            (
                sorted(each.list_collection_names()),
                [each.exists("x"), each.exists("z"), each.exists_in_collection("x", "d")],
                [(key, sorted(one.versions), one.version) for key, one in catalog.items()],
                (source.identifier, source.version, source.driver_name, said),
                sorted(source.get_driver().keys()),
                sorted(str(path.relative_to(to)) for path in to.rglob("*")),
            )
        )
    assert answers[0] == answers[1]
