"""Files of settings, whoever wrote them: understood, or said to be not."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.api import location, settings
from git_datmo.api.request import run
from git_datmo.errors import FileIOError
from tests.e2e.task import leftovers, ran
from tests.kit.git import Repo

DIGITS = "1" * 5000
LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", f'{{"a": {DIGITS}}}'),
        ("a.json", '{"a": ' + "[" * 100_000),
        ("a.toml", f"a = {DIGITS}"),
        ("a.toml", "a = " + "[" * 50_000),
        ("a.yaml", f"a: {DIGITS}"),
        ("a.yaml", "a: 2024-02-30"),
        ("a.yaml", "a: !!bool x"),
        ("a.yaml", "a: !!int ''"),
        ("a.yaml", "a: !!float x"),
        ("a.yaml", "a: !!timestamp x"),
        ("a.yaml", "a: " + "[" * 50_000),
        ("a.yaml", "a: &a [*a, *a]"),
        ("a.yaml", "a: &a {b: *a, c: *a}"),
        ("a.yaml", LAUGHS),
    ],
)
def test_what_cannot_be_understood_is_one_sentence(name: str, text: str):
    with pytest.raises(FileIOError, match=name):
        settings.parse(Path(name), text.encode())


def test_what_is_said_twice_is_understood():
    found = settings.parse(Path("a.yaml"), b"base: &b {lr: 1}\none: *b\ntwo: {<<: *b, k: 2}\n")
    assert found == {"base": {"lr": 1}, "one": {"lr": 1}, "two": {"lr": 1, "k": 2}}


@pytest.mark.parametrize("where", ["config.yaml", "$DATMO_TASK_DIR/config.json"])
def test_a_run_is_recorded_whatever_its_task_says(project: Repo, where: str):
    said = "a: !!bool x" if where.endswith("yaml") else f'{{"a": {DIGITS}}}'
    row = ran(project, "--runner", "local", f"""echo 'acc: 1'; echo '{said}' >"{where}\"""")
    assert (row["status"], row["results"], row["config"]) == ("success", {"acc": 1}, {})
    assert leftovers(project) == []


def test_a_number_of_many_digits_is_recorded(project: Repo):
    repo, number = project.path, 10**5000
    row = run(location.find(repo), ["true"], runner="local", config={"a": number})
    assert (row.status, row.config["a"]) == ("success", number)
