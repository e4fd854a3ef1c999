"""Objects as artifacts: what goes in comes out, what has no form is refused, nothing is run."""

from __future__ import annotations

import enum
import json
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from git_datmo.compat.squirrel import (
    GitArtifactManager,
    JsonlSerializer,
    JsonSerializer,
    PickleSerializer,
)
from git_datmo.compat.squirrel.serializers import choose
from git_datmo.errors import DamagedContent
from tests.kit.git import Repo


class Word(enum.StrEnum):
    ONE = "one"


class Level(enum.IntEnum):
    LOW = 3


PLAIN: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "text",
    "é \ud800 \0",
    [],
    {},
    {"name": "John", "age": 30},
    [1, [2, {"a": None}]],
    2**80,
    (1, (2, [3])),
    {1: "int", None: "none", (1, 2): "tuple"},
    {"a", "b"},
    frozenset({1}),
    b"\0\xff",
    1 + 2j,
    {"type": "tuple", "data": [1], "shape": None},
    {"type": "<f8", "data": [1.0], "shape": [1], "more": (1,)},
    {b"nd": True, b"complex": 1},
]
FORMS = ["json", "messagepack", "pickle"]


@pytest.fixture
def manager(project: Repo) -> GitArtifactManager:
    return GitArtifactManager()


def round_trip(serializer: str, value: Any) -> Any:
    if serializer == "messagepack":
        pytest.importorskip("msgpack")
    chosen = choose(serializer)
    return chosen.deserialize(chosen.serialize(value))


def same(one: Any, other: Any) -> bool:
    """Equal and of one type, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("serializer", FORMS)
def test_what_goes_in_comes_out(serializer: str) -> None:
    for value in PLAIN:
        if serializer == "messagepack" and value == "é \ud800 \0":
            continue  # it is UTF-8, which has no surrogates
        assert same(round_trip(serializer, value), value)
    whole = [value for value in PLAIN if not isinstance(value, str)]
    assert same(round_trip(serializer, whole), whole)
    for value in (math.nan, math.inf, -math.inf):
        assert str(round_trip(serializer, [value])[0]) == str(value)


@pytest.mark.parametrize("serializer", ["json", "messagepack"])
def test_a_class_of_plain_values_comes_back_plain(serializer: str) -> None:
    value = {"word": Word.ONE, "level": Level.LOW, "map": OrderedDict(a=1)}
    assert same(round_trip(serializer, value), {"word": "one", "level": 3, "map": {"a": 1}})


@pytest.mark.parametrize("serializer", ["json", "messagepack"])
def test_arrays(serializer: str) -> None:
    numpy = pytest.importorskip("numpy")
    for kind in ("?", "i1", "<u8", ">i4", "<f2", "<f4", ">f8", "<U3"):
        for shape in ((), (0, 3), (6,), (2, 3)):
            value = numpy.arange(math.prod(shape)).reshape(shape).astype(kind)
            found = round_trip(serializer, {"a": value, "t": value.T})
            for name, expected in (("a", value), ("t", value.T)):
                assert (found[name].dtype, found[name].shape) == (expected.dtype, expected.shape)
                assert (found[name] == expected).all()
            found["a"][...] = 0  # it can be written


def test_numbers_of_numpy_are_plain_in_json() -> None:
    numpy = pytest.importorskip("numpy")
    kinds = ("bool_", "int8", "uint64", "float16", "float32", "float64", "str_", "complex128")
    for kind in kinds:
        value = getattr(numpy, kind)(1)
        assert same(round_trip("json", value), value.item())


def test_numbers_of_numpy_are_themselves_in_a_pack() -> None:
    numpy = pytest.importorskip("numpy")
    for kind in ("bool_", "int8", "uint64", "float16", "float32", "float64", "complex64"):
        value = getattr(numpy, kind)(1)
        assert same(round_trip("messagepack", value), value)


@pytest.mark.parametrize("serializer", FORMS)
def test_what_has_no_form_is_refused(serializer: str) -> None:
    endless: list[Any] = []
    endless.append(endless)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    bad: list[Any] = [object(), endless, deep]
    if serializer == "pickle":
        bad = [{"f": lambda: 1}, deep]
    else:
        numpy = pytest.importorskip("numpy")
        bad += [numpy.array([object()]), numpy.ma.array([1], mask=[True])]
        bad += [numpy.zeros(1, dtype=[("a", "i4")])]
    for value in bad:
        with pytest.raises(TypeError, match=r"no form|too deep|cannot be"):
            round_trip(serializer, value)


BROKEN = {
    "json": [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"type": "no", "data": 1, "shape": null}',
        b'{"type": "O", "data": [1], "shape": [1]}',
        b'{"type": "<f8", "data": [1], "shape": [7]}',
        b'{"type": "dict", "data": [[[], 1]], "shape": null}',
    ],
    "messagepack": [b"", b"\xc1", b"\x92\x01", b"\xd4\x63\x00", b"\x91" * 100_000],
    "pickle": [b"", b"nonsense"],
}


@pytest.mark.parametrize("serializer", FORMS)
def test_damaged_bytes_are_said_to_be(serializer: str) -> None:
    if serializer == "messagepack":
        pytest.importorskip("msgpack")
    for data in BROKEN[serializer]:
        with pytest.raises(DamagedContent):
            choose(serializer).deserialize(data)


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


def test_an_array_of_objects_in_a_pack_is_not_unpickled(tmp_path: Path) -> None:
    msgpack = pytest.importorskip("msgpack")
    pytest.importorskip("numpy")
    boom = tmp_path / "boom"
    packed = {b"nd": True, b"type": "|O", b"kind": b"O", b"shape": [1]}
    packed[b"data"] = pickle.dumps(Bomb(boom))
    with pytest.raises(DamagedContent):
        choose("messagepack").deserialize(msgpack.packb(packed))
    assert not boom.exists()


def test_objects_are_artifacts(manager: GitArtifactManager, project: Repo, tmp_path: Path) -> None:
    source = manager.log_artifact({"name": "John", "age": 30}, "o")
    assert source.metadata["serializer"] == "json"
    assert source.version == 1
    manager.log_artifact(({"a": 1}, 2), "o", "c")
    manager.log_artifact([1, 2], "o")
    assert manager.get_artifact("o") == [1, 2]
    assert manager.get_artifact("o", version="v0") == {"name": "John", "age": 30}
    assert manager.get_artifact("o", "c", "latest") == ({"a": 1}, 2)
    # squirrel's name for the form, and its bytes
    folder = Path(str(manager.download_artifact("o", version="v0", to=tmp_path)))
    assert (folder / "jsonl").read_bytes() == b'{"name": "John", "age": 30}\n'
    manager.log_artifact(({"n": n} for n in range(3)), "lines", serializer="jsonl")
    assert manager.get_artifact("lines") == [{"n": 0}, {"n": 1}, {"n": 2}]
    manager.download_artifact("lines", to=tmp_path)
    assert (tmp_path / "lines/jsonl").read_bytes().count(b"\n") == 3
    for wrong in ("text", {"a": 1}, 3):
        with pytest.raises(TypeError, match="is no list of items"):
            manager.log_artifact(wrong, "lines", serializer="jsonl")
    assert len(manager.get_artifact_source("lines").versions) == 1


def test_files_are_no_object_whatever_they_are_called(
    manager: GitArtifactManager, tmp_path: Path
) -> None:
    (tmp_path / "jsonl").write_text("1")
    manager.log_files("x", tmp_path / "jsonl")
    with pytest.raises(ValueError, match="was logged as files"):
        manager.get_artifact("x")


def test_a_pickle_is_read_where_it_is_asked_for(
    manager: GitArtifactManager, tmp_path: Path
) -> None:
    boom = tmp_path / "boom"
    manager.log_artifact(Bomb(boom), "bomb", serializer="pickle")
    for serializer in (None, "json", JsonSerializer()):
        with pytest.raises(ValueError, match="is a pickle, which runs code"):
            manager.get_artifact("bomb", serializer=serializer)
    assert not boom.exists()
    manager.get_artifact("bomb", serializer="pickle")
    assert boom.exists()
    asking = GitArtifactManager(serializer=PickleSerializer())
    asking.log_artifact({1, 2}, "set")
    assert asking.get_artifact("set") == {1, 2}


class Hex:
    """A serializer of somebody's own."""

    def serialize(self, obj: Any) -> bytes:
        return bytes(obj).hex().encode()

    def deserialize(self, obj: bytes) -> Any:
        return bytes.fromhex(obj.decode())


def test_a_serializer_of_ones_own(manager: GitArtifactManager) -> None:
    manager.log_artifact(b"abc", "x", serializer=Hex())
    with pytest.raises(ValueError, match=r"a serializer of its own: .*Hex"):
        manager.get_artifact("x")
    assert manager.get_artifact("x", serializer=Hex()) == b"abc"

    class Text(Hex):
        def serialize(self, obj: Any) -> Any:
            return "text"

    with pytest.raises(TypeError, match="Text made no bytes of it, but str"):
        manager.log_artifact(b"abc", "x", serializer=Text())


@pytest.mark.parametrize("serializer", ["yaml", "", 3, object(), JsonlSerializer])
def test_what_is_no_serializer(serializer: Any) -> None:
    with pytest.raises(ValueError, match="serializ"):
        choose(serializer)


def test_squirrels_form_of_an_array(manager: GitArtifactManager) -> None:
    numpy = pytest.importorskip("numpy")
    data = JsonSerializer().serialize(numpy.array([[1.5, 2.0]], dtype="<f4"))
    assert json.loads(data) == {"data": [[1.5, 2.0]], "type": "<f4", "shape": [1, 2]}
