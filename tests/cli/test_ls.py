"""`git datmo snapshot ls`: what is listed, in which order, in which form."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.kit.checks import untouched
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def listed(project: Repo) -> Repo:
    """Three snapshots: two in `default`, one in `other`; a hidden fourth."""
    for number, label in ((1, "low"), (2, "mid")):
        project.write("a", str(number))
        datmo("snapshot", "-m", f"try {number}", "-l", label, "-s", f"acc:0.{number}")
    datmo("session", "create", "other")
    project.write("a", "3")
    datmo("snapshot", "-m", 'odd, "quoted"\nsecond line', "-c", "model:tree", "-s", "acc:0.3")
    project.write("a", "unsaved")
    datmo("snapshot", "checkout", "low")
    return project


def messages(*flags: str) -> list[str]:
    return [row["message"] for row in datmo("snapshot", "ls", "--json", *flags).json()]


ODD = 'odd, "quoted"\nsecond line'


def test_newest_first_and_hidden_ones_on_demand(listed: Repo):
    assert messages() == [ODD, "try 2", "try 1"]
    (hidden, *rest) = messages("--all")
    assert hidden.startswith("saved before checkout")
    assert rest == messages()
    assert messages("-a", "-n", "1") == [hidden]


def test_by_session(listed: Repo):
    assert messages("--session-id", "other") == [ODD]
    assert messages("--session-id", "default") == ["try 2", "try 1"]


def test_filter_is_a_part_of_message_or_label(listed: Repo):
    assert messages("--filter", "try") == ["try 2", "try 1"]
    assert messages("--filter", "mid") == ["try 2"]
    assert messages("--filter", "no such") == []


def test_by_label_and_by_what_a_remote_has(listed: Repo):
    assert messages("--label", "mid") == ["try 2"]
    assert messages("--label", "mi") == []
    hub = listed.path.parent / "hub.git"
    listed.git("init", "--bare", "-q", str(hub))
    listed.git("remote", "add", "hub", str(hub))
    assert messages("--remote", "hub") == []
    datmo("push", "hub")
    datmo("snapshot", "-m", "later")
    assert messages("--remote", "hub", "--label", "mid") == ["try 2"]
    assert messages("--remote", "hub") == [ODD, "try 2", "try 1"]
    assert messages("--remote", ".") == ["later"]


def test_where_sort_limit(listed: Repo):
    assert messages("--where", "stats.acc > 0.15 and label is not null") == ["try 2"]
    assert messages("--sort", "stats.acc", "--limit", "2") == ["try 1", "try 2"]
    assert messages("--sort", "-stats.acc", "-n", "1") == [ODD]
    assert messages("--limit", "0") == []


@pytest.mark.parametrize("flags", [("--where", "("), ("--sort", "+"), ("--limit", "-1")])
def test_what_cannot_be_read_is_a_usage_error(listed: Repo, flags: tuple[str, str]):
    done = datmo("snapshot", "ls", *flags, check=False)
    assert (done.code, done.stdout, done.stderr.count("error:")) == (2, "", 1)


@pytest.mark.parametrize("alias", ["list", "log"])
def test_aliases(listed: Repo, alias: str):
    assert datmo("snapshot", alias).stdout == datmo("snapshot", "ls").stdout


def test_csv_is_rfc_4180(listed: Repo):
    done = datmo("snapshot", "ls", "--format", "csv")
    rows = list(csv.reader(io.StringIO(done.stdout, newline=""), strict=True))
    assert rows[0] == ["id", "created at", "config", "stats", "message", "label"]
    assert [row[4] for row in rows[1:]] == [ODD, "try 2", "try 1"]
    assert rows[1][2:4] == ['{"model":"tree"}', '{"acc":0.3}']
    assert all(len(row[0]) == 40 for row in rows[1:])


def test_json_forms_agree(listed: Repo):
    whole = datmo("snapshot", "ls", "--json").json()
    assert datmo("snapshot", "ls", "--format", "json").json() == whole
    assert datmo("snapshot", "ls", "--jsonl").jsonl() == whole
    assert datmo("snapshot", "ls", "--format", "jsonl").jsonl() == whole


def test_columns_and_details(listed: Repo):
    rows = datmo("snapshot", "ls", "--columns", "label,stats.acc,config.model", "--json").json()
    assert rows[0] == {"label": None, "stats.acc": 0.3, "config.model": "tree"}
    head = datmo("snapshot", "ls", "--details").stdout.splitlines()[0]
    assert "environment id" in head
    assert "author" in head


def test_the_table_shows_blanks_for_nothing(listed: Repo):
    lines = datmo("snapshot", "ls").stdout.splitlines()
    assert "None" not in "".join(lines)
    assert "second line" not in "".join(lines)
    assert lines[2].split()[-1] == "mid"


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl"])
def test_a_download_leaves_the_project_clean(listed: Repo, form: str):
    plain = datmo("snapshot", "ls", "--format", form).stdout
    with untouched(listed):
        done = datmo("snapshot", "ls", "--format", form, "--download")
    path = Path(done.stdout.strip().removeprefix("Downloading output to path "))
    assert path.is_relative_to(listed.git_dir)
    assert path.read_bytes().decode() == plain
    assert datmo("status", "--json").json()["clean"]


def test_a_download_path_is_honoured(listed: Repo, tmp_path: Path):
    target = tmp_path / "new" / "list.csv"
    datmo("snapshot", "ls", "--format", "csv", "--download-path", str(target))
    assert target.read_text().startswith("id,created at")
    datmo("-C", "..", "session", "ls", "--download-path", "here.txt", cwd=listed.path, check=False)
    datmo("-C", str(listed.path), "snapshot", "ls", "--download-path", "../there.txt", cwd=tmp_path)
    assert (listed.path / "../there.txt").is_file()


def test_an_empty_project_lists_nothing(project: Repo):
    assert datmo("snapshot", "ls", "--json").json() == []
    assert datmo("snapshot", "ls", "--jsonl").stdout == ""
    assert len(datmo("snapshot", "ls", "--format", "csv").stdout.splitlines()) == 1
