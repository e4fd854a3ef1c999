"""Images whose Dockerfile copies from the project: what gets in, and when they are made anew."""

from __future__ import annotations

import pytest

from tests.e2e.task import ran
from tests.kit.git import Repo
from tests.kit.program import datmo

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def test_files_are_copied_as_they_are(project: Repo, base_image: str):
    project.write("Dockerfile", f"FROM {base_image}\nCOPY . /src\nRUN /src/tool >/said.txt\n")
    project.write(".dockerignore", "secret*\n!secretok\ndata\n")
    for path in ("secret1", "secretok", "data/a", "plain"):
        project.write(path, path)
    project.write("big.bin", b"\x00\x01" * 1_000_000)
    tool = project.path / "tool"
    tool.write_text("echo works")
    tool.chmod(0o755)
    (project.path / "link").symlink_to("plain")
    project.commit()
    look = "ls; test -L link && cat link; echo; wc -c <big.bin; test ! -x plain"
    row = ran(project, f"cat /said.txt; cd /src; {look}")
    names = ["Dockerfile", "big.bin", "link", "plain", "secretok", "tool"]
    expected = ["works", *names, "plain", "2000000"]
    assert datmo("logs", row["id"]).stdout.splitlines() == expected


def test_only_what_is_copied_makes_another_image(project: Repo, base_image: str):
    project.write("Dockerfile", f"FROM {base_image}\nCOPY src/*.sh requirements.txt /src/\n")
    project.write("requirements.txt", "")
    project.write("src/a.sh", "echo one")
    project.write("train.py", "1")
    first = ran(project, "sh /src/a.sh; ls /src")
    assert datmo("logs", first["id"]).stdout == "one\na.sh\nrequirements.txt\n"
    project.write("train.py", "2")
    again = datmo("run", "sh /src/a.sh")
    assert "Step" not in again.stderr
    project.write("src/a.sh", "echo two")
    third = ran(project, "sh /src/a.sh")
    assert datmo("logs", third["id"]).stdout == "two\n"
    assert third["built"]["image"] != first["built"]["image"]


def test_a_source_that_is_not_there_is_named(project: Repo, base_image: str):
    project.write("Dockerfile", f"FROM {base_image}\nCOPY nowhere /src/\n")
    done = datmo("run", "true", check=False)
    assert done.code == 6
    assert "nowhere" in done.stderr.splitlines()[-2]


def test_an_entrypoint_gets_the_command_and_that_is_said(project: Repo, base_image: str):
    project.write("Dockerfile", f'FROM {base_image}\nENTRYPOINT ["echo", "got:"]\n')
    for _ in range(2):
        done = datmo("run", "--", "two", "words")
        assert done.stdout == "got: two words\n"
        assert "ENTRYPOINT is run, and given the command: echo got:\n" in done.stderr
