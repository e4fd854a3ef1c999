"""em.Artifact on its own: what is put into it, where that lies, and what is refused."""

from __future__ import annotations

import hashlib
import os
import random
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from git_datmo.compat import em
from git_datmo.errors import UnreadableFile, UnsafePath


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def artifact() -> em.Artifact:
    return em.create_artifact("data")


@pytest.fixture
def file() -> Path:
    path = Path("train.csv")
    path.write_bytes(b"a,b\n")
    return path


def test_a_new_artifact_has_all_that_the_reference_names():
    artifact = em.create_artifact(name="my-data_1", labels="raw", description="the first")
    assert re.fullmatch(r"my-data_1_\d{6}_\d{6}_[a-z0-9]{6}", artifact.alternative_name)
    assert artifact.name == "my-data_1"
    assert artifact.labels == ["raw"]
    assert artifact.description == "the first"
    assert datetime.fromisoformat(artifact.created_timestamp).utcoffset() is not None
    assert artifact.objects == {}
    assert artifact.remote == []
    assert Path(artifact.local) == Path(".em/artifacts", artifact.alternative_name)
    said = yaml.safe_load((Path(artifact.local) / "metadata.yaml").read_text())
    assert said == artifact.to_dict()
    assert list(said) == [
        *("kind", "name", "labels", "description", "createdTimestamp", "alternativeName", "remote")
    ]
    assert said["kind"] == "Artifact"


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "-a", "a_", "é", "x" * 41, None, "a b", "a\n"])
def test_names_that_are_refused(name: str):
    with pytest.raises(ValueError, match="Invalid name of Artifact"):
        em.create_artifact(name)
    assert not Path(".em").exists()


def test_each_has_a_directory_of_its_own_whatever_random_says():
    names = set()
    for _ in range(5):
        random.seed(0)
        names.add(em.create_artifact("a").alternative_name)
    assert len(names) == 5


def test_the_directory_is_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EM_ARTIFACT_PARENT_DIR", str(tmp_path / "elsewhere"))
    artifact = em.create_artifact("data")
    assert Path(artifact.local) == tmp_path / "elsewhere" / artifact.alternative_name
    assert Path(artifact.local).is_dir()


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (None, "train.csv"),
        ("a.csv", "a.csv"),
        ("raw/", "raw/train.csv"),
        ("/", "train.csv"),
        ("/raw/a.csv", "raw/a.csv"),
        ("./raw//a.csv", "raw/a.csv"),
        ("ünïcode/数据 1.csv", "ünïcode/数据 1.csv"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_where_a_file_goes(artifact: em.Artifact, file: Path, given: str, path: str):
    artifact.add_file(file, given)
    assert list(artifact.objects) == [path]
    assert artifact.objects[path] == {"path": path, "size_bytes": 4, "checksum": md5(b"a,b\n")}
    assert (Path(artifact.local) / path).read_bytes() == b"a,b\n"


def test_a_file_is_copied_as_it_is_then_with_its_mode(artifact: em.Artifact, file: Path):
    file.chmod(0o755)
    Path("link").symlink_to(file)
    artifact.add_file("link")
    file.write_bytes(b"changed")
    kept = Path(artifact.local) / "link"
    assert not kept.is_symlink()
    assert kept.read_bytes() == b"a,b\n"
    assert kept.stat().st_mode & 0o777 == 0o755
    artifact.add_file(str(file), "link")
    assert artifact.objects["link"]["checksum"] == md5(b"changed")
    file.chmod(0o444)
    artifact.add_file(file, "link")
    artifact.add_file(file, "link")
    assert kept.stat().st_mode & 0o777 == 0o444


def test_a_folder_goes_under_its_name_and_is_merged(artifact: em.Artifact, file: Path):
    Path("a/b/empty").mkdir(parents=True)
    Path("a/1.txt").write_text("1")
    Path("a/b/2.txt").write_text("2")
    Path("a/linked").symlink_to("../train.csv")
    artifact.add_dir("a")
    artifact.add_dir("a/")
    assert sorted(artifact.objects) == ["a/1.txt", "a/b/2.txt", "a/linked"]
    assert artifact.objects["a/linked"]["checksum"] == md5(b"a,b\n")
    assert (Path(artifact.local) / "a/b/empty").is_dir()
    Path("a/1.txt").write_text("one")
    os.unlink("a/b/2.txt")
    artifact.add_dir("a", "x/")
    artifact.add_dir("a", "y")
    artifact.add_dir("a")
    assert sorted(artifact.objects) == [
        *("a/1.txt", "a/b/2.txt", "a/linked"),
        *("x/a/1.txt", "x/a/linked", "y/1.txt", "y/linked"),
    ]
    assert (Path(artifact.local) / "a/1.txt").read_text() == "one"


def test_objects_are_found_by_path_and_by_position(artifact: em.Artifact, file: Path):
    artifact.add_file(file, "b.csv")
    artifact.add_reference("s3://bucket/key/a.csv")
    objects = artifact.objects
    assert "b.csv" in objects
    assert objects["b.csv"]["checksum"] == md5(b"a,b\n")
    assert [path for path, _ in objects.items()] == ["b.csv", "a.csv"]
    assert objects[0]["path"] == "b.csv"
    assert objects[-1] == {"path": "a.csv", "uri": "s3://bucket/key/a.csv"}
    assert [record["path"] for record in objects[:]] == ["b.csv", "a.csv"]
    assert len(objects) == 2
    with pytest.raises(KeyError):
        objects["c.csv"]
    with pytest.raises(IndexError):
        objects[2]


def test_references_are_kept_beside_the_files(artifact: em.Artifact):
    artifact.add_reference("https://example.com/data/x.csv")
    artifact.add_reference("s3://bucket/folder/", "far/")
    artifact.add_reference("s3://one", "/two")
    artifact.add_reference("s3://other", "two")
    artifact.add_reference("gs://bucket/ü", "süß: 'quoted' #1")
    listed = yaml.safe_load((Path(artifact.local) / "references.yaml").read_text())
    assert listed == {
        "x.csv": "https://example.com/data/x.csv",
        "far/folder": "s3://bucket/folder/",
        "two": "s3://other",
        "süß: 'quoted' #1": "gs://bucket/ü",
    }
    assert {path: record["uri"] for path, record in artifact.objects.items()} == listed


def test_many_references_are_quick(artifact: em.Artifact):
    for number in range(1000):
        artifact.add_reference(f"s3://bucket/{number}")
    assert len(em.load_artifact(artifact.local).objects) == 1000


def test_what_has_one_place_cannot_be_there_twice(artifact: em.Artifact, file: Path):
    artifact.add_file(file, "a/b")
    artifact.add_reference("s3://x", "r")
    with pytest.raises(ValueError, match=r"^Object file already exists: 'a/b'$"):
        artifact.add_reference("s3://x", "a/b")
    with pytest.raises(ValueError, match=r"^Object reference already exists: 'r'$"):
        artifact.add_file(file, "r")
    with pytest.raises(ValueError, match=r"^Object reference already exists: 'r'$"):
        artifact.add_file(file, "r/inside")
    with pytest.raises(ValueError, match=r"^Object file already exists: 'a/b'$"):
        artifact.add_file(file, "a/b/c")
    with pytest.raises(ValueError, match=r"^Object directory already exists: 'a'$"):
        artifact.add_file(file, "a")
    with pytest.raises(ValueError, match=r"^Object directory already exists: 'a'$"):
        artifact.add_reference("s3://x", "a")
    assert sorted(artifact.objects) == ["a/b", "r"]


def test_a_folder_that_clashes_is_not_copied_in_part(artifact: em.Artifact):
    Path("d").mkdir()
    Path("d/a").write_text("a")
    Path("d/z").write_text("z")
    artifact.add_reference("s3://x", "d/z")
    with pytest.raises(ValueError, match=r"^Object reference already exists: 'd/z'$"):
        artifact.add_dir("d")
    assert list(artifact.objects) == ["d/z"]
    assert not (Path(artifact.local) / "d").exists()


def test_what_does_not_exist_is_said_with_its_whole_path(artifact: em.Artifact, tmp_path: Path):
    text = f"File does not exist: '{tmp_path}/nothing'"
    with pytest.raises(RuntimeError, match=f"^{re.escape(text)}$"):
        artifact.add_file("nothing")
    with pytest.raises(OSError, match=f"^{re.escape(text)}$"):
        artifact.add_file("nothing")
    text = f"Directory does not exist: '{tmp_path}/nothing'"
    with pytest.raises(RuntimeError, match=f"^{re.escape(text)}$"):
        artifact.add_dir("nothing/")
    Path("dangling").mkdir()
    Path("dangling/link").symlink_to("nowhere")
    with pytest.raises(RuntimeError, match="File does not exist"):
        artifact.add_dir("dangling")
    assert artifact.objects == {}


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "a/../../x", "//x", "a/..", "..", ".", "nul\0", ".git", "a/.GIT/config"),
        *("git~1", "a/.git ", "\udfff"),
    ],
)
def test_no_object_leads_out(artifact: em.Artifact, file: Path, path: str):
    Path("folder").mkdir()
    before = sorted(Path().rglob("*"))
    with pytest.raises(ValueError, match="Object path"):
        artifact.add_file(file, path)
    with pytest.raises(ValueError, match="Object path"):
        artifact.add_dir("folder", path)
    with pytest.raises(ValueError, match="Object path"):
        artifact.add_reference("s3://x", path)
    assert artifact.objects == {}
    assert sorted(Path().rglob("*")) == before


def test_a_folder_with_a_repository_in_it_is_refused(artifact: em.Artifact):
    Path("d/.git").mkdir(parents=True)
    Path("d/.git/config").write_text("")
    with pytest.raises(ValueError, match=r"'\.git'"):
        artifact.add_dir("d")


def test_nothing_is_written_through_a_link(artifact: em.Artifact, file: Path):
    outside = Path("outside")
    outside.mkdir()
    (Path(artifact.local) / "way").symlink_to(outside.absolute())
    with pytest.raises((UnsafePath, ValueError)):
        artifact.add_file(file, "way/x")
    (Path(artifact.local) / "file").symlink_to(file.absolute())
    artifact.add_file(file, "file")
    assert not (Path(artifact.local) / "file").is_symlink()
    assert list(outside.iterdir()) == []


def test_odd_things_are_refused_and_never_waited_for(artifact: em.Artifact):
    Path("d").mkdir()
    os.mkfifo("d/pipe")
    with pytest.raises(UnreadableFile, match="not a regular file"):
        artifact.add_dir("d")
    with pytest.raises(UnreadableFile, match="not a regular file"):
        artifact.add_file("d/pipe")
    Path("loop/in").mkdir(parents=True)
    Path("loop/in/back").symlink_to("../../loop")
    with pytest.raises(UnreadableFile, match="leads back"):
        artifact.add_dir("loop")
    for uri in ("", "a\nb"):
        with pytest.raises(ValueError, match="address"):
            artifact.add_reference(uri, "x")
    for wrong in (3, b"s3://x", None):
        with pytest.raises(TypeError):
            artifact.add_reference(wrong)  # type: ignore[arg-type]
    assert artifact.objects == {}


def test_the_folder_around_it_may_be_added(artifact: em.Artifact, file: Path):
    artifact.add_dir(".", "all")
    assert "all/train.csv" in artifact.objects
    assert not any(artifact.alternative_name in path for path in artifact.objects)


@pytest.mark.parametrize(
    "path",
    [
        *("metadata.yaml", "references.yaml", "Metadata.yaml", "metadata.yaml/inner"),
        *(".em-objects", ".em-objects/metadata.yaml", ".metadata.yaml.0123456789ab"),
    ],
)
def test_objects_called_like_our_own_files_lie_aside(artifact: em.Artifact, file: Path, path: str):
    artifact.add_file(file, path)
    artifact.add_reference("s3://x", "r")
    assert (Path(artifact.local) / ".em-objects" / path).read_bytes() == b"a,b\n"
    loaded = em.load_artifact(artifact.local)
    assert loaded.to_dict() == artifact.to_dict()
    assert sorted(loaded.objects) == sorted([path, "r"])
    assert loaded.objects[path]["checksum"] == md5(b"a,b\n")
    with pytest.raises(ValueError, match="Object file already exists"):
        artifact.add_reference("s3://y", path)


def test_what_a_killed_program_left_is_no_object(artifact: em.Artifact):
    (Path(artifact.local) / ".metadata.yaml.0123456789ab").write_text("half")
    assert em.load_artifact(artifact.local).objects == {}


def test_it_goes_where_it_was_made_wherever_the_program_goes(
    artifact: em.Artifact, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "other").mkdir()
    local = Path(artifact.local).absolute()
    monkeypatch.chdir("other")
    artifact.add_file("../train.csv")
    assert (local / "train.csv").is_file()
    assert list((tmp_path / "other").iterdir()) == []


def test_threads_may_add_at_once(artifact: em.Artifact):
    def add(number: int) -> None:
        Path(f"f{number}").write_text(str(number))
        artifact.add_file(f"f{number}", "files/")
        artifact.add_reference(f"s3://bucket/{number}", f"far/{number}")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(artifact.objects) == 16
    assert em.load_artifact(artifact.local).objects == artifact.objects


def test_to_dict_and_back(artifact: em.Artifact, file: Path):
    said = artifact.to_dict()
    said["labels"].append("not its own")
    assert artifact.labels == []
    other = em.Artifact(said)
    assert other.labels == ["not its own"]
    assert other.local == artifact.local
    artifact.parse_from_dict(said)
    assert artifact.to_dict() == said
    for key in said.keys() - {"kind"}:
        with pytest.raises(KeyError, match=key):
            artifact.parse_from_dict({k: v for k, v in said.items() if k != key})


def test_the_constructor_takes_objects_as_dictionary_and_as_list(artifact: em.Artifact):
    records: list[dict[str, Any]] = [
        {"path": "a", "size_bytes": 1, "checksum": "x"},
        {"path": "b", "uri": "s3://b"},
    ]
    listings: tuple[Any, ...] = (records, {record["path"]: record for record in records})
    for given in listings:
        made = em.Artifact(artifact.to_dict(), given)
        assert made.objects["a"]["checksum"] == "x"
        assert made.objects[1]["uri"] == "s3://b"


def test_a_directory_of_t9k_itself_is_read(tmp_path: Path):
    local = tmp_path / "data_231105_101112_abc123"
    (local / "a").mkdir(parents=True)
    (local / "a" / "1.png").write_bytes(b"png")
    (local / "references.yaml").write_text("{far/x.csv: 's3://b/x.csv'}\n")
    (local / "metadata.yaml").write_text(
        "alternativeName: data_231105_101112_abc123\ncreatedTimestamp: 2023-11-05T10:11:12+08:00\n"
        "description: ''\nkind: Artifact\nlabels: !!python/tuple [old, 1]\nname: data\nremote: []\n"
    )
    artifact = em.load_artifact(str(local))
    assert artifact.name == "data"
    assert artifact.labels == ["old", "1"]
    assert artifact.created_timestamp.startswith("2023-11-05T")
    assert artifact.objects["a/1.png"]["checksum"] == md5(b"png")
    assert artifact.objects["far/x.csv"]["uri"] == "s3://b/x.csv"
    artifact.add_reference("s3://b/y.csv", "far/y.csv")
    listed = yaml.safe_load((local / "references.yaml").read_text())
    assert listed == {"far/x.csv": "s3://b/x.csv", "far/y.csv": "s3://b/y.csv"}


def test_directories_that_are_none(artifact: em.Artifact):
    with pytest.raises(FileNotFoundError, match="Missing file of Artifact"):
        em.load_artifact(".")
    file = Path(artifact.local) / "metadata.yaml"
    text = file.read_text()
    file.write_text(text.replace("kind: Artifact", "kind: Run"))
    with pytest.raises(RuntimeError, match="refers to type 'Run' rather than 'Artifact'"):
        em.load_artifact(artifact.local)
    for bad in ("[", "text", "kind: Artifact\n", "!!python/object/apply:os.system ['true']"):
        file.write_text(bad)
        with pytest.raises(Exception, match=re.escape("metadata.yaml")):
            em.load_artifact(artifact.local)
    file.write_text(text)
    for bad in ("[", "- a", "a: {b: c}", "../out: s3://x"):
        (Path(artifact.local) / "references.yaml").write_text(bad)
        with pytest.raises(Exception, match=r"references|Object path"):
            _ = em.load_artifact(artifact.local).objects
