"""Catalogs: every version as a source that opens, and as squirrel's YAML."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from git_datmo.api import gc, location
from git_datmo.compat.squirrel import Catalog, CatalogSource, GitArtifactManager
from tests.kit.git import Repo


@pytest.fixture
def manager(project: Repo, tmp_path: Path) -> GitArtifactManager:
    """A manager with two versions of `c/x` and one of `d/y`."""
    made = GitArtifactManager(collection="c")
    for text in ("0", "1"):
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / "f").write_text(text)
        made.log_files("x", tmp_path / "src", artifact_path="a")
    made.log_files("y", tmp_path / "src", "d")
    return made


def views(project: Repo) -> list[str]:
    room = project.common_dir / "datmo" / "views"
    return sorted(path.name for path in room.iterdir()) if room.is_dir() else []


def test_every_version_is_a_source(manager: GitArtifactManager) -> None:
    catalog = manager.collection_to_catalog()
    assert isinstance(catalog, Catalog)
    assert [identifier for identifier, _ in catalog] == ["c/x"]
    assert sorted(manager.store_to_catalog().keys()) == ["c/x", "d/y"]
    newest, first = catalog["c/x"], catalog["c/x", 1]
    assert isinstance(newest, CatalogSource)
    assert (newest.version, newest.metadata["version"]) == (2, "v1")
    assert (first.version, first.metadata["version"]) == (1, "v0")
    assert catalog["c/x", -1] == newest
    assert ("c/x", 3) not in catalog
    with pytest.raises(KeyError):
        catalog["c/nothing", 1]
    one = manager.get_artifact_source("x", version="v0", catalog=catalog)
    assert one == first


def test_a_source_makes_its_files_when_it_is_opened(
    manager: GitArtifactManager, project: Repo
) -> None:
    catalog = manager.store_to_catalog()
    assert views(project) == []
    source = catalog["c/x", 1]
    for _ in range(2):
        driver = source.get_driver()
        assert list(driver.keys()) == ["a/f"]
        assert driver.get("a/f") == b"0"
        assert views(project) == [source.metadata["commit"]]
        view = project.common_dir / "datmo" / "views" / source.metadata["commit"] / "files"
        assert source.driver_kwargs["url"] == f"file://{view}"
        assert (view / "a" / "f").stat().st_mode & 0o222 == 0
        view.rename(view.with_name("elsewhere"))  # as if its space had been freed
        shutil.rmtree(view.with_name("elsewhere"))
    assert gc.gc(location.find(project.path)) is not None


def test_a_union_opens_too(manager: GitArtifactManager) -> None:
    both = manager.collection_to_catalog().union(manager.collection_to_catalog("d"))
    assert sorted(both.keys()) == ["c/x", "d/y"]
    assert both["d/y"].get_driver().get("f") == b"1"
    assert both == manager.store_to_catalog()


def test_exported_yaml_names_files_that_are_there(
    manager: GitArtifactManager, tmp_path: Path
) -> None:
    manager.export_catalog(tmp_path / "all.yaml")
    manager.export_catalog(str(tmp_path / "new" / "c.yaml"), "c")

    class Loader(yaml.SafeLoader):
        """YAML with squirrel's tags."""

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> object:
        return loader.construct_mapping(node, deep=True)

    for tag in ("!YamlCatalog", "!YamlSource"):
        Loader.add_constructor(tag, mapping)
    whole = yaml.load((tmp_path / "all.yaml").read_text(), Loader)
    assert whole["version"].startswith("0.20")
    found = {(one["identifier"], one["version"]): one for one in whole["sources"]}
    assert sorted(found) == [("c/x", 1), ("c/x", 2), ("d/y", 1)]
    for (identifier, _), one in found.items():
        assert one["driver_name"] == "directory"
        assert one["metadata"]["collection"] == identifier[0]
        folder = Path(one["driver_kwargs"]["url"].removeprefix("file://"))
        assert any(path.name == "f" for path in folder.rglob("*"))
    assert (tmp_path / "new" / "c.yaml").read_text().count("!YamlSource") == 2


def test_a_source_of_a_project_with_an_odd_name(tmp_path: Path) -> None:
    from git_datmo.api import project as projects

    home = tmp_path / "a %20é #b"
    Repo.init(home)
    projects.init(location.find(home))
    (tmp_path / "f").write_text("f")
    manager = GitArtifactManager(home)
    driver = manager.log_files("x", tmp_path / "f").get_driver()
    assert list(driver.keys()) == ["f"]
    assert driver.get("f") == b"f"
