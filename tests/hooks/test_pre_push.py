"""What `git push` starts, between real repositories; the program is a stand-in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.hooks.handle import parse_pre_push
from git_datmo.hooks.install import install
from git_datmo.hooks.location import location, manual_lines
from tests.hooks.fake import Fake
from tests.kit.git import Repo

SNAPSHOTS = "refs/datmo/*:refs/datmo/*"

# Each writes what it got on standard input, and its arguments, to `got`, and ends with status 0.
HOOKS = {
    "sh": '#!/bin/sh\n{ echo "$@"; cat; } >got\n',
    "loop": '#!/bin/sh\necho "$@" >got\nwhile read -r line; do echo "$line" >>got; done\nexit 0\n',
    "exec": '#!/bin/sh\necho "$@" >got\nexec cat >>got\n',
    "strict": '#!/bin/bash -eu\nset -o pipefail\n{ echo "$@"; cat; } >got\n',
    "no interpreter": '{ echo "$@"; cat; } >got\n',
    "python": "#!/usr/bin/env python3\nimport sys\n"
    "open('got', 'w').write(' '.join(sys.argv[1:]) + '\\n' + sys.stdin.read())\n",
}


@pytest.fixture
def remote(hooked: Repo, tmp_path: Path) -> Repo:
    """A bare repository, the `origin` of `hooked`, which has one snapshot to push."""
    bare = Repo.bare(tmp_path / "origin.git")
    hooked.git("remote", "add", "origin", str(bare.path))
    hooked.git("update-ref", "refs/datmo/snapshots/one", "HEAD")
    return bare


def replace_hook(repo: Repo, fake: Fake, text: str) -> None:
    hook = repo.git_dir / "hooks" / "pre-push"
    hook.write_text(text)
    hook.chmod(0o755)
    install(hook.parent, fake.words)


def test_a_push_of_snapshots_starts_the_program(hooked: Repo, remote: Repo, fake: Fake) -> None:
    hooked.git("push", "-q", "origin", "main", SNAPSHOTS)

    [call] = fake.calls()
    assert call.args == ["hook", "pre-push", "origin", str(remote.path)]
    assert call.env["GIT_DATMO_IN_HOOK"] == "1"
    updates = parse_pre_push(call.stdin)
    assert [update.remote_ref for update in updates] == [
        b"refs/heads/main",
        b"refs/datmo/snapshots/one",
    ]
    assert {update.local_oid for update in updates} == {hooked.head()}
    assert {update.remote_oid for update in updates} == {"0" * 40}


def test_a_deletion_is_passed_on(hooked: Repo, remote: Repo, fake: Fake) -> None:
    hooked.git("push", "-q", "--no-verify", "origin", SNAPSHOTS)
    hooked.git("push", "-q", "origin", ":refs/datmo/snapshots/one")

    [update] = parse_pre_push(fake.calls()[0].stdin)
    assert update.local_oid == "0" * 40
    assert update.local_ref == b"(delete)"


@pytest.mark.parametrize(
    "refspec", ["main", "refs/datmo/snapshots/one:refs/heads/x", "main:refs/other/refs/datmo/x"]
)
def test_other_pushes_start_nothing(hooked: Repo, remote: Repo, fake: Fake, refspec: str) -> None:
    hooked.git("push", "-q", "origin", refspec)
    fake.path.unlink()
    hooked.git("push", "-q", "--force", "origin", f"+{refspec}", "main:refs/heads/y")

    assert fake.calls() == []


def test_content_that_cannot_be_delivered_fails_the_push(
    hooked: Repo, remote: Repo, fake: Fake
) -> None:
    fake.fail_with(7)

    done = hooked.try_git("push", "-q", "origin", "main", SNAPSHOTS)

    assert done.returncode != 0
    assert "said on stderr" in done.stderr
    assert remote.refs() == {}


def test_a_program_that_is_gone_fails_only_pushes_of_snapshots(
    hooked: Repo, remote: Repo, fake: Fake
) -> None:
    fake.path.unlink()

    done = hooked.try_git("push", "-q", "origin", SNAPSHOTS)
    assert done.returncode != 0
    assert f"{fake.path} is gone: cannot deliver content" in done.stderr

    hooked.git("push", "-q", "origin", "main")
    assert remote.refs() == {"refs/heads/main": hooked.head()}


def test_not_inside_a_hook_of_ours(
    hooked: Repo, remote: Repo, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DATMO_IN_HOOK", "1")

    hooked.git("push", "-q", "origin", SNAPSHOTS)

    assert fake.calls() == []


@pytest.mark.parametrize("refspec", ["main", SNAPSHOTS])
@pytest.mark.parametrize("kind", HOOKS)
def test_a_hook_that_was_there_reads_the_same(
    hooked: Repo, remote: Repo, fake: Fake, kind: str, refspec: str
) -> None:
    replace_hook(hooked, fake, HOOKS[kind])

    hooked.git("push", "-q", "origin", refspec)

    name = refspec.partition(":")[2].replace("*", "snapshots/one") or "refs/heads/main"

    expected = f"{name} {hooked.head()} {name} {'0' * 40}\n"
    assert (hooked.path / "got").read_text() == f"origin {remote.path}\n{expected}"
    assert [call.stdin.decode() for call in fake.calls()] == (
        [expected] if refspec == SNAPSHOTS else []
    )


@pytest.mark.parametrize("kind", HOOKS)
def test_a_push_of_nothing_gives_nothing(hooked: Repo, remote: Repo, fake: Fake, kind: str) -> None:
    hooked.git("push", "-q", "origin", "main")
    replace_hook(hooked, fake, HOOKS[kind])

    hooked.git("push", "-q", "origin", "main")

    assert (hooked.path / "got").read_text() == f"origin {remote.path}\n"


@pytest.mark.parametrize(
    "text", ["#!/bin/sh\nexit 3\n", "#!/usr/bin/env python3\nraise SystemExit(3)\n"]
)
def test_a_hook_that_was_there_may_still_refuse(
    hooked: Repo, remote: Repo, fake: Fake, text: str
) -> None:
    replace_hook(hooked, fake, text)

    assert hooked.try_git("push", "origin", "main").returncode != 0
    assert remote.refs() == {}


def test_a_hook_switched_off_stays_off(hooked: Repo, remote: Repo, fake: Fake) -> None:
    hook = hooked.git_dir / "hooks" / "pre-push"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o644)
    install(hook.parent, fake.words)

    hooked.git("push", "-q", "origin", SNAPSHOTS)

    assert len(fake.calls()) == 1


def test_names_that_are_not_utf8_and_many_of_them(hooked: Repo, remote: Repo, fake: Fake) -> None:
    replace_hook(hooked, fake, HOOKS["sh"])
    head = hooked.head()
    names = [f"refs/datmo/x/{number:06}" for number in range(3000)]
    strange = os.fsdecode(b"refs/datmo/x/\xff$HOME`id`'\"")
    lines = "".join(f"create {name} {head}\n" for name in [*names, strange])
    hooked.git("update-ref", "--stdin", input=os.fsencode(lines))

    hooked.git("push", "-q", "origin", SNAPSHOTS)

    [call] = fake.calls()
    assert len(parse_pre_push(call.stdin)) == 3002
    assert os.fsencode(strange) in call.stdin
    assert (hooked.path / "got").read_bytes().partition(b"\n")[2] == call.stdin


def test_from_a_linked_work_tree_and_a_bare_repository(
    hooked: Repo, remote: Repo, fake: Fake, tmp_path: Path
) -> None:
    hooked.worktree(tmp_path / "tree").git("push", "-q", "origin", SNAPSHOTS)
    further = Repo.bare(tmp_path / "further.git")
    install(remote.path / "hooks", fake.words)
    remote.git("push", "-q", str(further.path), SNAPSHOTS)

    assert [call.args[2:] for call in fake.calls()] == [
        ["origin", str(remote.path)],
        [str(further.path), str(further.path)],
    ]


@pytest.mark.parametrize("shell", ["sh -e", "bash -eu"])
def test_the_line_for_a_hook_of_the_users_own(
    hooked: Repo, remote: Repo, fake: Fake, shell: str
) -> None:
    hooked.git("config", "core.hooksPath", ".husky")
    place = location(hooked.git_dir, hooked.path / hooked.git("rev-parse", "--git-path", "hooks"))
    install(place.hooks_dir, fake.words)
    text = "\n".join([f"#!/bin/{shell}", *manual_lines("pre-push"), '{ echo "$@"; cat; } >got\n'])
    hooked.write(".husky/pre-push", text, mode=0o755)

    hooked.git("push", "-q", "origin", SNAPSHOTS)

    [call] = fake.calls()
    assert call.args[2:] == ["origin", str(remote.path)]
    assert (hooked.path / "got").read_bytes().partition(b"\n")[2] == call.stdin
    fake.fail_with(1)
    hooked.git("update-ref", "refs/datmo/snapshots/two", "HEAD")
    assert hooked.try_git("push", "-q", "origin", SNAPSHOTS).returncode != 0
