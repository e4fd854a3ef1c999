"""An isolated task does not reach the user's repository, though its tree lies below it."""

from __future__ import annotations

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


def test_git_does_not_find_the_users_repository(project: Repo) -> None:
    project.write("a.txt", "1")
    project.commit()
    config = (project.git_dir / "config").read_bytes()
    script = (
        "git config datmo.oops 1; git commit --allow-empty -qm oops; git rev-parse HEAD; exit 0"
    )
    done = datmo("run", "--runner", "local", script, cwd=project.path)
    assert done.stdout == ""
    assert "not a git repository" in done.stderr
    assert (project.git_dir / "config").read_bytes() == config
    assert project.git("log", "--format=%s") == project.git("log", "--format=%s", "-1")
    assert_clean(project)


def test_a_snapshot_from_inside_says_what_happens_anyway(project: Repo) -> None:
    project.write("a.txt", "1")
    script = "git datmo snapshot -m inside"
    done = datmo("run", "--runner", "local", script, cwd=project.path, check=False)
    assert done.code == 128
    assert "a run is recorded when it ends" in done.stderr
    done = datmo("run", "--runner", "local", "--in-place", script, cwd=project.path)
    listed = datmo("snapshot", "ls", "--json", cwd=project.path).json()
    assert [one["message"] for one in listed] == ["inside"]
    assert_clean(project)
