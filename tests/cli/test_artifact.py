"""`git datmo artifact …`: what a user types and sees."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from tests.e2e.team import large
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import Result, datmo


def artifact(*args: str, **given: object) -> Result:
    return datmo("artifact", *args, **given)  # type: ignore[arg-type]


@pytest.fixture
def kept(project: Repo) -> Repo:
    """Two versions of `models/resnet`, and one of `odd name`."""
    project.write("m/w.bin", large(1))
    project.write("m/notes.txt", "a\n")
    artifact("create", "models/resnet", "m", "-m", "first\nmore", "--metadata", "f1:0.9")
    project.write("m/notes.txt", "b\n")
    given = ("--metadata", "f1:0.95", "-l", "best", "--reference", "data=s3://b/d.csv")
    artifact("create", "resnet", "m", "--collection", "models", *given)
    artifact("create", "odd name", "m/notes.txt>deep/n.txt")
    return project


def test_create_says_what_was_made(project: Repo) -> None:
    project.write("a.txt", "a")
    with untouched(project):
        done = artifact("create", "x", "a.txt")
        made = artifact("create", "x", "a.txt", "-m", "again", "--json").json()
    assert done.stdout.startswith("Created artifact default/x:v0 with id: ")
    assert done.stdout.rstrip().endswith("1 file (1 B)")
    assert (made["reference"], made["message"], made["notices"]) == ("default/x:v1", "again", [])
    assert artifact("show", made["id"][:8], "--json").json()["created_at"] == made["created_at"]
    project.write("sub/b.txt", "b")
    inner = datmo("artifact", "create", "y", "b.txt", "--json", cwd=project.path / "sub").json()
    entries = artifact("inspect", inner["id"], "--json").json()["entries"]
    assert entries == [{"path": "b.txt", "mode": "file", "size": 1}]
    assert_clean(project)


def test_ls_in_its_forms(kept: Repo) -> None:
    rows = artifact("ls", "--json").json()
    assert [row["reference"] for row in rows] == ["default/odd name:v0", "models/resnet:v1"]
    assert rows == artifact("list", "--jsonl").jsonl()
    table = artifact("ls").stdout.splitlines()
    assert table[0].split()[:4] == ["artifact", "id", "created", "at"]
    assert table[0].split()[4:] == ["files", "size", "metadata", "message", "label"]
    assert "models/resnet:v1" in table[2]
    assert "best" in table[2]
    every = list(csv.DictReader(io.StringIO(artifact("ls", "--all", "--format", "csv").stdout)))
    assert [row["artifact"] for row in every][1:] == ["models/resnet:v1", "models/resnet:v0"]
    assert every[2]["message"] == "first\nmore"
    assert int(every[2]["size"]) == len(large(1)) + 2
    shown = artifact("ls", "models/resnet", "-a", "--columns", "version,metadata.f1").stdout
    assert [line.split() for line in shown.splitlines()[1:]] == [["1", "0.95"], ["0", "0.9"]]
    where = ("--where", "metadata.f1 < 0.92 and collection == 'models'", "--all", "--json")
    assert [row["version"] for row in artifact("ls", *where).json()] == [0]
    assert artifact("ls", "--filter", "best", "--json").json()[0]["label"] == "best"
    ordered = artifact("ls", "--all", "--sort", "-size,version", "-n", "2", "--json").json()
    assert [row["version"] for row in ordered] == [0, 1]
    assert artifact("ls", "nothing", "--json").json() == []
    for wrong in (("--where", "a ="), ("--limit", "-1"), ("--collection", "a b"), ("--sort", ",")):
        done = artifact("ls", *wrong, check=False)
        assert done.code == 2, wrong
        assert "Traceback" not in done.stderr


def test_inspect_and_diff(kept: Repo) -> None:
    text = artifact("inspect", "best").stdout
    assert text.startswith("artifact models/resnet:v1 (label: best) (latest)\n")
    assert "Metadata    -> f1: 0.95" in text
    assert "Objects     -> 2 files (1.0 MiB), 1 reference" in text
    assert "notes.txt (2 B)" in text
    assert "data -> s3://b/d.csv" in text
    assert "    first\n    more" in artifact("inspect", "models/resnet:v0").stdout
    shown = artifact("diff", "models/resnet:v0", "--exit-code", check=False)
    assert shown.code == 1
    assert "M  notes.txt  2 B, other content" in shown.stdout
    assert "f1  0.9 -> 0.95" in shown.stdout
    assert "data  (none) -> s3://b/d.csv" in shown.stdout
    same = artifact("diff", "best", "best", "--exit-code")
    assert same.stdout == "no differences\n"
    document = artifact("diff", "models/resnet:v0", "odd name", "--json").json()
    assert {(file["path"], file["status"]) for file in document["files"]} == {
        ("w.bin", "D"),
        ("notes.txt", "D"),
        ("deep/n.txt", "A"),
    }
    assert document["names"] == ["models/resnet:v0", "default/odd name:v0"]


def test_get_update_delete_undelete(kept: Repo) -> None:
    nowhere = artifact("get", "models/resnet", "--into", "", check=False)
    assert (nowhere.code, "no name" in nowhere.stderr) == (2, True)
    done = artifact("get", "models/resnet", "--into", "out")
    assert done.stdout == f"Wrote 2 files of models/resnet:v1 into {kept.path / 'out'}\n"
    assert "1 of its objects are references" in done.stderr
    assert kept.read("out/w.bin") == large(1)
    place = artifact("get", "models/resnet:v0", "--path", "notes.txt").stdout.rstrip("\n")
    assert open(place).read() == "a\n"  # noqa: SIM115
    kept.write("out/notes.txt", "mine")
    done = artifact("get", "best", "--into", "out", check=False)
    assert (done.code, kept.read("out/notes.txt")) == (4, b"mine")
    assert "--force" in done.stderr
    document = artifact("get", "best", "--into", "out", "--force", "--json").json()
    assert document["written"] == 1
    assert artifact("update", "best", "-m", "words").stdout == "Updated artifact models/resnet:v1\n"
    assert artifact("rm", "models/resnet").stdout == "Deleted artifact models/resnet:v1\n"
    assert "models/resnet:v0" in artifact("ls").stdout
    [gone] = artifact("ls", "--deleted", "--json").json()
    assert (gone["message"], gone["deleted"]) == ("words", True)
    assert artifact("undelete", "models/resnet").stdout == "Restored artifact models/resnet:v1\n"
    for words in (("inspect", "zzz"), ("get", "models/resnet:v9"), ("rm", "models")):
        done = artifact(*words, check=False)
        assert done.code == 3
        assert "git datmo artifact ls" in done.stderr
    assert_clean(kept)


def test_bad_input_gets_one_sentence(project: Repo) -> None:
    project.write("a.txt", "a")
    before = project.refs()
    cases: list[tuple[int, tuple[str, ...]]] = [
        (2, ("create", "x")),
        (2, ("create", "", "a.txt")),
        (2, ("create", "a:v3", "a.txt")),
        (2, ("create", "x\x1b[2J", "a.txt")),
        (2, ("create", "x", "a.txt", "--collection", "a.lock")),
        (2, ("create", "x", "a.txt>../../x")),
        (2, ("create", "x", "a.txt>/x")),
        (2, ("create", "x", "a.txt>.git/x")),
        (2, ("create", "x", "a.txt>b>c")),
        (2, ("create", "x", "a.txt", "--metadata", ":1")),
        (2, ("create", "x", "--reference", "")),
        (3, ("create", "x", "nothing.txt")),
        (4, ("create", "x", "a.txt", "--reference", "a.txt=s3://b")),
        (4, ("create", "x", ".")),
        (2, ("update", "x")),
        (3, ("inspect", "../../x")),
    ]
    for code, words in cases:
        done = artifact(*words, check=False)
        assert done.code == code, (words, done.stderr)
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stderr
        assert done.stderr.startswith("error: "), done.stderr
    assert project.refs() == before


def test_names_of_any_bytes(project: Repo) -> None:
    name = os.fsdecode(b"\xff\xfe.txt")
    project.write(b"d/\xff\xfe.txt", "odd")
    project.write("d/\x1b[2J", "control")
    made = artifact("create", "x", "d", "--json").json()
    assert made["files"] == 2
    text = artifact("inspect", "x").stdout
    assert "\x1b" not in text
    artifact("inspect", "x", "--json").json()
    artifact("get", "x", "--into", "out")
    assert (project.path / "out" / name).read_text() == "odd"
    assert artifact("create", os.fsdecode(b"\xff"), "d", check=False).code == 2
    for words in (("-m", os.fsdecode(b"\xff")), ("-l", os.fsdecode(b"\xff"))):
        done = artifact("create", "y", "d", *words, check=False)
        assert "Traceback" not in done.stderr
    assert_clean(project)


def test_processes_lose_no_version(project: Repo) -> None:
    project.write("a.txt", "a")
    command = [sys.executable, "-m", "git_datmo", "artifact", "create", "x", "a.txt", "--json"]
    started = [
        subprocess.Popen([*command, "-m", str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(8)
    ]
    said = [json.loads(one.communicate()[0]) for one in started]
    assert sorted(one["version"] for one in said) == list(range(8))
    rows = artifact("ls", "x", "--all", "--json").json()
    assert {row["id"] for row in rows} == {one["id"] for one in said}
    assert_clean(project)


def test_a_bare_repository_can_be_read(kept: Repo) -> None:
    hub = kept.clone(kept.path.parent / "hub.git", "--mirror")
    rows = artifact("ls", "--json", cwd=hub.path).json()
    assert [row["reference"] for row in rows] == ["default/odd name:v0", "models/resnet:v1"]
    artifact("get", "odd name", "--into", "here", cwd=hub.path)
    assert (hub.path / "here/deep/n.txt").read_text() == "b\n"
