"""What may be written to a disk, measured against git's own judgement."""

from __future__ import annotations

import hashlib
import unicodedata
import zlib
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_datmo.model.names import check_name, clashes, fold_key, gits_own
from tests.kit.git import Repo

HOSTILE = [
    *(b"", b".", b"..", b"/", b"a/b", b"/abs", b"a/../../x", b"a\0", b"\0"),
    *(b".git", b".GIT", b".Git", b"git~1", b"GIT~1", b"git~1...", b".git. .", b".git "),
    *(b".git::$INDEX_ALLOCATION", b".git:x", b"git~1:x", b".git .:x"),
    *(b".git\\x", b".GIT\\hooks", b"a\\.git", b"a\\git~1", b"a\\.git \\b", b"\xff\\.git"),
    *map(str.encode, (".g\u200cit", "\u200c.git", ".git\ufeff", ".\u202eG\u206aIT", ".g\u200cit.")),
    *(b".git\xff", ".git\uffff".encode(), ".g\u200dit\ufffe/".encode()[:-1]),
]
LEGAL = [
    *(b"CON", b"nul.txt", b"a.", b"a ", b" ", b"...", b"a\\b", b"\\", b"\xff\xfe", b"-rf", b"a:b"),
    *(b".gitignore", b".gitmodules", b".gitx", b"git", b"agit~1", b"git~", b"git~2", b"git~10"),
    *(b"x.git", b".git-blame-ignore-revs", b".gi", b".git\n", b"\n", b"'\"\t", b"x" * 255),
    *map(str.encode, ("é", unicodedata.normalize("NFD", "é"), "a\u200cb", "数据", "\ufeffa", "❤️")),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name):
    reason = check_name(name)
    assert reason is not None
    assert reason.isprintable()


@pytest.mark.parametrize("name", LEGAL)
def test_legal(name):
    assert check_name(name) is None


# Pieces that make disguises of `.git`, put together at random, and bytes of any kind.
pieces = st.sampled_from(
    [
        b".",
        b"g",
        b"G",
        b"i",
        b"I",
        b"t",
        b"T",
        b".git",
        b"git",
        b"~1",
        b"~2",
        b" ",
        b"\\",
        b":",
        b"/",
    ]
    + [b"\xff", b"\xe2\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"a"]
    + [c.encode() for c in "\u200b\u200c\u200f\u202a\u202e\u206a\u206f\u2070\ufeff\ufffe\uffffİıɡ"]
)
near = st.lists(pieces, max_size=6).map(b"".join)
disguised = st.tuples(near, st.sampled_from([b".git", b"git~1", b".g\xe2\x80\x8cit"]), near).map(
    b"".join
)
names = near | disguised | st.binary(max_size=12)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """git's verdict on single names: what `git fsck --strict` says of a tree that holds each."""
    repo = Repo.init(tmp_path_factory.mktemp("judge") / "repo")
    objects = repo.git_dir / "objects"

    def write(kind: bytes, data: bytes) -> str:
        raw = b"%b %d\0%b" % (kind, len(data), data)
        oid = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        file = objects / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(zlib.compress(raw, 1))
        return oid

    blob = write(b"blob", b"")

    @cache
    def tree(name: bytes) -> str:
        return write(b"tree", b"100644 " + name + b"\0" + bytes.fromhex(blob))

    def refused(batch: list[bytes]) -> dict[bytes, str]:
        trees = {tree(name): name for name in batch if b"\0" not in name}
        said = repo.try_git("fsck", "--strict", "--no-dangling").stderr
        verdicts = {}
        for line in said.splitlines():
            words = line.split()
            if words[:3] == ["error", "in", "tree"] and words[3].rstrip(":") in trees:
                verdicts[trees[words[3].rstrip(":")]] = line
        return verdicts

    return refused


def test_git_agrees_about_the_examples(judge):
    known = judge(HOSTILE)
    assert known.keys() >= {
        b"",
        b".",
        b"..",
        b".git",
        b"a\\.git",
        b".git\xff",
        b".git::$INDEX_ALLOCATION",
    }
    assert not judge(LEGAL)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(batch=st.lists(names, min_size=30, max_size=80, unique=True))
def test_refuses_at_least_what_git_refuses(judge, batch):
    for name, verdict in judge(batch).items():
        assert check_name(name) is not None, verdict


@given(names)
def test_says_the_same_about_other_spellings(name):
    if check_name(name) is not None:
        assert check_name(name.upper()) is not None
        assert check_name(name.lower()) is not None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_fold_key_folds_case_and_form(text):
    key = fold_key(text.encode())
    assert fold_key(key) == key
    for form in ("NFC", "NFD"):
        assert fold_key(unicodedata.normalize(form, text).encode()) == key


@given(st.binary(max_size=8))
def test_fold_key_takes_any_bytes(name):
    try:
        name.decode()
    except UnicodeDecodeError:
        assert fold_key(name) == name


def test_clashes():
    assert clashes([b"a", b"b", b"A", b"B.txt"]) == [(b"a", b"A")]
    assert clashes(["Straße".encode(), b"STRASSE"]) == [("Straße".encode(), b"STRASSE")]
    nfc, nfd = (unicodedata.normalize(form, "é").encode() for form in ("NFC", "NFD"))
    assert clashes([nfd, nfc]) == [(nfd, nfc)]
    assert clashes([b"x", b"x"]) == [(b"x", b"x")]
    assert clashes([b"A\xff", b"a\xff", b"a"]) == []


@pytest.mark.parametrize(
    ("name", "own"),
    [
        *(
            (name, "modules")
            for name in (b".gitmodules", b".GitModules. ", b"GITMOD~1", b"gi7eba~2")
        ),
        *((name, "modules") for name in (b"a\\.gitmodules", ".git\u200cmodules".encode())),
        *((name, "attributes") for name in (b".gitattributes", b"gitatt~4", b".gitattributes:x")),
        *((name, None) for name in (b".gitignore", b"gitmodules", b".gitmodule", b"x", b"\xff")),
    ],
)
def test_gits_own_files_under_any_name(name: bytes, own: str | None) -> None:
    assert gits_own(name) == (own and f".git{own}")
