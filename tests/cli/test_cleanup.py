"""`git datmo cleanup` is the exact inverse of `init`."""

from __future__ import annotations

import os
from pathlib import Path

from tests.kit.checks import assert_git_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo


def git_files(repo: Repo) -> dict[str, bytes | None]:
    """Everything below .git but objects; None for a folder."""
    found: dict[str, bytes | None] = {}
    for path in sorted(repo.git_dir.rglob("*")):
        name = os.path.relpath(path, repo.git_dir)
        if not name.startswith("objects"):
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def lived_in(repo: Repo) -> None:
    """A repository with hooks, packed refs, a remote and settings of its own."""
    repo.write("code.py", "print(1)\n")
    repo.commit()
    repo.git("tag", "v1")
    repo.git("pack-refs", "--all")
    repo.git("remote", "add", "origin", "/nowhere")
    repo.git("config", "datmo.largeFile", "2m")
    hook = repo.git_dir / "hooks" / "post-commit"
    hook.write_text("#!/bin/sh\necho mine\n")
    hook.chmod(0o755)


def used(repo: Repo) -> None:
    datmo("init", cwd=repo.path)
    datmo("session", "create", "other", cwd=repo.path)
    repo.write("big.bin", os.urandom(2_100_000))
    datmo("snapshot", "-m", "one", "--label", "first", cwd=repo.path)
    (repo.path / "big.bin").unlink()


def test_config_hooks_and_refs_are_the_same_bytes(repo: Repo):
    lived_in(repo)
    before = git_files(repo)
    with untouched(repo):
        datmo("init", cwd=repo.path)
        datmo("session", "create", "other", cwd=repo.path)
        datmo("snapshot", "-m", "one", "--label", "first", cwd=repo.path)
        datmo("cleanup", "--yes", cwd=repo.path)
    assert git_files(repo) == before
    assert_git_clean(repo)


def test_packed_refs_of_ours_go_too(repo: Repo):
    lived_in(repo)
    users = repo.refs()
    used(repo)
    repo.git("pack-refs", "--all")
    datmo("cleanup", "--yes", cwd=repo.path)
    assert repo.refs() == users
    assert "datmo" not in (repo.git_dir / "packed-refs").read_text()


def test_edits_made_since_are_kept(repo: Repo):
    lived_in(repo)
    used(repo)
    repo.git("config", "user.nickname", "Al")
    repo.git("config", "datmo.maxRefs", "7")
    hook = repo.git_dir / "hooks" / "post-commit"
    hook.write_text(hook.read_text() + "echo added\n")
    datmo("cleanup", "--yes", cwd=repo.path)
    assert hook.read_text() == "#!/bin/sh\necho mine\necho added\n"
    assert repo.git("config", "user.nickname") == "Al"
    assert repo.git("config", "datmo.largeFile") == "2m"
    assert repo.git("config", "datmo.maxRefs") == "7"


def test_git_is_never_removed_even_when_init_made_it(tmp_path: Path):
    datmo("init", cwd=tmp_path)
    datmo("cleanup", "--yes", cwd=tmp_path)
    repo = Repo(tmp_path)
    assert repo.git("rev-parse", "--is-inside-work-tree") == "true"
    assert not (tmp_path / ".git" / "datmo").exists()
    assert_git_clean(repo)


def test_work_trees_are_cleaned_too(repo: Repo, tmp_path: Path):
    repo.commit()
    linked = repo.worktree(tmp_path / "linked")
    datmo("init", cwd=linked.path)
    datmo("snapshot", "-m", "there", cwd=linked.path)
    assert (linked.git_dir / "datmo").exists()
    datmo("cleanup", "--yes", cwd=repo.path)
    assert not (linked.git_dir / "datmo").exists()


def test_it_asks_and_tells_what_would_be_lost(project: Repo):
    project.write("a", "1")
    datmo("snapshot", "-m", "one", cwd=project.path)
    for answer in ("", "n\n"):
        done = datmo("cleanup", cwd=project.path, input=answer, check=False)
        assert done.code == 4
        assert "1 snapshot is on no remote" in done.stderr
        assert "nothing was removed" in done.stderr
        assert len(datmo("snapshot", "ls", "--json", cwd=project.path).json()) == 1
    assert "Removed project" in datmo("cleanup", cwd=project.path, input="y\n").stdout


def test_twice_is_an_error_and_init_starts_anew(project: Repo):
    datmo("cleanup", "-y", cwd=project.path)
    assert datmo("cleanup", "-y", cwd=project.path, check=False).code == 3
    assert "Initialized" in datmo("init", cwd=project.path).stdout
    assert datmo("snapshot", "ls", "--json", cwd=project.path).json() == []


def test_a_run_under_way_is_not_pulled_from_under_its_task(project: Repo):
    project.git("config", "datmo.runner", "local")
    started = datmo("run", "--detach", "--quiet", "sleep 60", cwd=project.path).stdout.strip()
    done = datmo("cleanup", "--yes", cwd=project.path, check=False)
    assert done.code == 4
    assert done.stderr == (
        f"error: the run {started[:12]} has not ended\nhint: git datmo stop --all, or wait for it\n"
    )
    datmo("stop", "--all", cwd=project.path)
    datmo("cleanup", "--yes", cwd=project.path)
    assert not (project.git_dir / "datmo").exists()
