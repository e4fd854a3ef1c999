"""`--set`: into the command, else into a config file, which keeps all else as it was."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from git_datmo.api import configtext
from git_datmo.api.adjustment import Change, adjust, config_paths, parse
from git_datmo.errors import InvalidArgumentType, ValidationFailed
from git_datmo.model import document
from git_datmo.model.diff import same

YAML = b"""\
# the settings
lr: 0.1   # learning rate
name: 'adam'  # a name
opt: &o {momentum: 0.9}
sgd: {momentum: 0.8, nesterov: no}
other: *o
empty:
layers: [64, 32]  # sizes
wide:
  - 1  # one
  - 2
text: |
  lr: 5
merged:
  <<: *o
deep:
  a.b:
    c: "x"
when: 2026-01-02
"""
TOML = b"""\
# the settings
lr = 0.1 # learning rate
name = "a # b" # a name
text = \"\"\"
lr = 7
\"\"\"
opt.momentum = 0.9
inline = {x = 1}
many = [
  1,
]
[model]
depth = 3
"quoted key" = true
[[runs]]
depth = 4
"""
JSON = b"""\
{
    "lr": 0.1,
    "opt":   {"lr": 1, "n": [1,2], "s": "\\u00e9"},
    "twice": 1, "twice": 2,
    "a.b": null
}
"""


def edited(name: str, data: bytes, *items: str) -> bytes:
    return adjust(["t"], {name: data}, items).files.get(name, data)


@pytest.mark.parametrize(
    ("name", "data", "item", "old", "new"),
    [
        ("config.yaml", YAML, "lr=0.2", b"lr: 0.1 ", b"lr: 0.2 "),
        ("config.yaml", YAML, "lr=1e-05", b"lr: 0.1 ", b"lr: 1.0e-05 "),
        ("config.yaml", YAML, "lr=3", b"lr: 0.1 ", b"lr: 3.0 "),
        ("config.yaml", YAML, "name=no: #", b"'adam'", b"'no: #'"),
        ("config.yml", YAML, "name=null", b"'adam'", b"null"),
        ("config.yaml", YAML, "sgd.momentum=nan", b"0.8, nes", b".nan, nes"),
        ("config.yaml", YAML, "sgd.nesterov=true", b"no}", b"true}"),
        ("config.yaml", YAML, "empty=x", b"empty:\n", b"empty: x\n"),
        ("config.yaml", YAML, "layers=[1]", b"[64, 32]", b"[1]"),
        ("config.yaml", YAML, "deep.a.b.c=7", b'"x"', b"'7'"),
        ("config.toml", TOML, "lr=2", b"lr = 0.1", b"lr = 2.0"),
        ("config.toml", TOML, 'name=q"\\', b'"a # b"', b'"q\\"\\\\"'),
        ("config.toml", TOML, "opt.momentum=inf", b"0.9", b"inf"),
        ("config.toml", TOML, "model.depth=5", b"depth = 3", b"depth = 5"),
        ("config.toml", TOML, "model.quoted key=false", b"= true", b"= false"),
        ("config.json", JSON, "opt.lr=-7", b'"lr": 1,', b'"lr": -7,'),
        ("config.json", JSON, 'opt.n=[3, "x"]', b"[1,2]", b'[3, "x"]'),
        ("config.json", JSON, "opt.s=\u00fc", b'"\\u00e9"', '"\u00fc"'.encode()),
        ("config.json", JSON, "twice=3", b'"twice": 2', b'"twice": 3'),
        ("config.json", JSON, "a.b=true", b"null", b"true"),
        ("config.json", b"\xef\xbb\xbf" + JSON, "lr=1", b"0.1", b"1.0"),
    ],
)
def test_one_value_changes_and_nothing_else(
    name: str, data: bytes, item: str, old: bytes, new: bytes
):
    assert data.count(old) == 1
    assert edited(name, data, item) == data.replace(old, new)
    windows, before, after = (text.replace(b"\n", b"\r\n") for text in (data, old, new))
    assert edited(name, windows, item) == windows.replace(before, after)


@pytest.mark.parametrize(
    ("name", "data", "item"),
    [
        ("config.yaml", YAML, "opt.momentum=1"),
        ("config.yaml", YAML, "other.momentum=1"),
        ("config.yaml", YAML, "merged.momentum=1"),
        ("config.yaml", YAML, "text=x"),
        ("config.yaml", YAML, "wide=[3]"),
        ("config.toml", TOML, "inline.x=2"),
        ("config.toml", TOML, "many=[2]"),
        ("config.toml", b"a = 'x'\n", "a=null"),
    ],
)
def test_what_would_touch_more_is_refused(name: str, data: bytes, item: str):
    with pytest.raises(ValidationFailed):
        edited(name, data, item)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("opt=1", "group of settings"),
        ("layers=3", "is a list"),
        ("layers={}", "is a list"),
        ("when=2027-01-01", "is a date"),
        ("nope=1", "there is no setting 'nope'"),
        ("lr.x=1", "there is no setting 'lr.x'"),
        ("momentum=1", "there is no setting 'momentum'"),
    ],
)
def test_what_cannot_be_set(item: str, words: str):
    with pytest.raises(ValidationFailed, match=words):
        edited("config.yaml", YAML, item)


def test_what_there_is_is_named():
    with pytest.raises(ValidationFailed) as raised:
        adjust(["t", "--epochs", "3"], {"config.json": JSON, "bad.toml": b"="}, ["epoch=1"])
    hint = str(raised.value.hint)
    assert "the command has --epochs" in hint
    assert "config.json has lr, opt.lr" in hint
    assert "bad.toml: not valid TOML" in hint
    with pytest.raises(ValidationFailed) as raised:
        adjust(["t"], {"config.yaml": YAML}, ["nesterov=1"])
    assert "config.yaml has sgd.nesterov" in str(raised.value.hint)
    with pytest.raises(ValidationFailed) as raised:
        adjust(["t"], {}, ["a=1"])
    assert "no options" in str(raised.value.hint)


def test_the_command_comes_first_and_the_nearest_file():
    files = {"a/config.yaml": b"lr: 1\nn: 2\n", "config.json": JSON}
    found = adjust(["t", "--lr", "0.1"], files, ["lr=0.2", "n=5", "opt.lr=4"])
    assert found.argv == ("t", "--lr", "0.2")
    assert found.files == {
        "a/config.yaml": b"lr: 1\nn: 5\n",
        "config.json": JSON.replace(b'"lr": 1,', b'"lr": 4,'),
    }
    assert found.config == {"lr": 0.2, "n": 5, "opt": {"lr": 4}}
    assert found.changes == (
        Change("lr", "command", 0.1, 0.2),
        Change("n", "a/config.yaml", 2, 5),
        Change("opt.lr", "config.json", 1, 4),
    )


def test_the_same_value_changes_nothing():
    found = adjust(["t", "--n", "1"], {"config.yaml": YAML}, ["lr=0.1", "n=1"])
    assert (found.argv, dict(found.files)) == (("t", "--n", "1"), {})


def test_what_was_typed():
    assert parse(["a=1", "b.c=x=y", "--d=", "a=2"]) == {"a": "2", "b.c": "x=y", "d": ""}
    for wrong in ("a", "=1", "", "--=1", "a=\0"):
        with pytest.raises(ValidationFailed):
            parse([wrong])


def test_where_a_config_may_lie():
    argv = ["t.py", "--config=conf/base.yaml", "../up.toml", "../../out.json", "/etc/x.json"]
    assert config_paths(argv, "sub") == (
        "sub/conf/base.yaml",
        "up.toml",
        *(f"sub/config.{kind}" for kind in ("json", "yaml", "yml", "toml")),
        *(f"config.{kind}" for kind in ("json", "yaml", "yml", "toml")),
    )
    assert config_paths(["sh", "-c", "t --c 'a b.toml' && u"])[0] == "a b.toml"


def test_a_value_a_document_cannot_hold():
    with pytest.raises(InvalidArgumentType):
        edited("config.yaml", b"a: !!binary aGk=\n", "a=1")


SCALARS = (
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6)
)
DOCUMENTS = st.dictionaries(
    st.text("abc .#'\"", min_size=1, max_size=3),
    st.recursive(
        SCALARS | st.lists(SCALARS, max_size=2),
        lambda inner: st.dictionaries(st.text("ab:#-", min_size=1, max_size=2), inner, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def spelled(language: str, whole: dict[str, Any]) -> str:
    if language == "json":
        return json.dumps(whole, indent=1)
    return str(yaml.safe_dump(whole, allow_unicode=True, default_flow_style=None))


@given(DOCUMENTS, SCALARS, st.sampled_from(["json", "yaml"]), st.data())
def test_any_file_says_the_new_value_or_is_refused(
    whole: dict[str, Any], value: Any, language: str, data: st.DataObject
):
    leaves = [keys for keys, _ in document.leaves(whole)]
    keys = data.draw(st.sampled_from(leaves))
    text = spelled(language, whole)
    loads = json.loads if language == "json" else yaml.safe_load
    assume(same(loads(text), whole))
    try:
        changed = configtext.replace(f"c.{language}", text.encode(), whole, keys, value)
    except ValidationFailed:
        assert language == "yaml"
        return
    expected = json.loads(json.dumps(whole))
    inner = expected
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    assert same(loads(changed.decode()), expected)


@given(st.dictionaries(st.text("abc", min_size=1), SCALARS, min_size=1), SCALARS, st.data())
def test_any_flat_toml(whole: dict[str, Any], value: Any, data: st.DataObject):
    def shown(item: Any) -> str:
        if isinstance(item, float):
            return repr(item)
        return json.dumps(item).replace("\x7f", "\\u007f")

    text = "".join(f"{key} = {shown(item)} # {key}\n" for key, item in whole.items())
    assume("\\ud" not in text)  # JSON's way to write what is beyond 16 bits is not TOML's
    key = data.draw(st.sampled_from(sorted(whole)))
    changed = configtext.replace("c.toml", text.encode(), whole, (key,), value).decode()
    assert same(tomllib.loads(changed), {**whole, key: value})
    assert changed.count(f"# {key}\n") == text.count(f"# {key}\n")
