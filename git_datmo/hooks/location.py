"""Where the hooks go: into the folder git reads, unless that folder is not ours to write."""

from __future__ import annotations

from pathlib import Path

from git_datmo.errors import ValidationFailed
from git_datmo.hooks.block import EVENTS
from git_datmo.model.frozen import frozen


@frozen
class Location:
    """`hooks_dir` is what to give to `install`; `reached` says whether git runs hooks there.

    When it does not, the user adds `manual_lines` to hooks of their own.
    """

    hooks_dir: Path
    reached: bool


def location(common_dir: Path, hooks_path: Path) -> Location:
    """Choose for a repository whose `git rev-parse --git-path hooks` is `hooks_path`.

    A folder outside the git directory (`core.hooksPath=.husky`, a folder shared by all of a
    user's repositories) may be tracked or somebody else's, so it is never written: the hooks
    then lie in the git directory, and a line in the user's own hook reads them from there.
    """
    if hooks_path.resolve().is_relative_to(common_dir.resolve()):
        return Location(hooks_path, reached=True)
    return Location(common_dir / "datmo" / "hooks", reached=False)


def manual_lines(event: str) -> list[str]:
    """What to add to the sh hook for `event` in a folder that is never written.

    The lines hold no path of this machine and do nothing where git-datmo is not installed, so
    they can be committed. For pre-push they belong before anything that reads standard input.
    """
    if event not in EVENTS:
        raise ValidationFailed(f"no hook of ours is called {event}")
    find = f"datmo=$(git rev-parse --git-common-dir)/datmo/hooks/{event}"
    return [f'{find}; [ ! -r "$datmo" ] || . "$datmo"']
