"""Artifacts that travel: through a remote to a second clone, and two clones that both made v1."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.compat.squirrel import GitArtifactManager
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

LARGE = b"large" * 300_000


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Repo, Repo]:
    """Two clones of one bare repository, both projects."""
    hub = Repo.bare(tmp_path / "hub.git")
    pair = (hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two"))
    for clone in pair:
        datmo("init", cwd=clone.path)
    return pair


def test_a_round_trip_and_two_of_one_number(clones: tuple[Repo, Repo], tmp_path: Path) -> None:
    one, two = (GitArtifactManager(clone.path, collection="a:B") for clone in clones)
    (tmp_path / "src" / "empty").mkdir(parents=True)
    (tmp_path / "src" / "large").write_bytes(LARGE)
    one.log_files("model/x", tmp_path / "src")
    one.log_artifact({"t": (1, 2)}, "object")
    datmo("push", cwd=clones[0].path)
    datmo("fetch", cwd=clones[1].path)

    assert sorted(two.store_to_catalog().keys()) == ["a:B/model/x", "a:B/object"]
    assert two.get_artifact("object") == {"t": (1, 2)}
    got = Path(str(two.download_artifact("model/x", to=tmp_path / "to")))
    assert (got / "large").read_bytes() == LARGE
    assert (got / "empty").is_dir()
    assert two.get_artifact_source("model/x").get_driver().get("large") == LARGE

    # Neither knows of the other's: both are version 1.
    assert one.log_artifact("one", "object").metadata["version"] == "v1"
    assert two.log_artifact("two", "object").metadata["version"] == "v1"
    datmo("push", cwd=clones[0].path)
    datmo("fetch", cwd=clones[1].path)
    catalog = two.collection_to_catalog()
    both = [source for key, source in catalog if key.startswith("a:B/object")]
    titles = [source.metadata["version"] for source in both]
    assert len(both) == 2
    assert {two.get_artifact("object", version=title) for title in titles} == {"one", "two"}
    assert all(title.startswith("v1-") for title in titles)
    with pytest.raises(ValueError, match="made more than once") as caught:
        two.get_artifact("object", version="v1")
    assert all(title in str(caught.value) for title in titles)
    assert two.get_artifact("object", version="v0") == {"t": (1, 2)}
    assert two.get_artifact("object") in ("one", "two")
    with two.download_artifact("object") as folder:  # the latest, though its number is shared
        assert (folder / "jsonl").is_file()
    assert two.log_artifact(3, "object").metadata["version"] == "v2"
    two.download_collection(to=tmp_path / "all")
    assert (tmp_path / "all" / "object" / "jsonl").read_bytes() == b"3\n"
    for clone in clones:
        assert_clean(clone)
