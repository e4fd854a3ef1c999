"""An environment as a commit: its definition files, the same commit in every clone."""

from __future__ import annotations

from git_datmo.model.environment import Definition
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EMPTY_TREE


def write(project: Project, definition: Definition) -> tuple[str, str]:
    """Store an environment; return its id (the tree's) and its commit.

    Author, dates and message are constants, so two clones make the same commit.
    """
    objects = project.repository.objects
    changes = {
        path.encode(): (BLOB, objects.write_blob(data)) for path, data in definition.identity_files
    }
    tree = objects.patch_tree(EMPTY_TREE, dict(changes))
    commit = objects.write_commit(
        tree=tree,
        parents=[],
        author=layout.ENVIRONMENT_AUTHOR,
        when=(0, 0),
        message=layout.ENVIRONMENT_MESSAGE,
    )
    return tree, commit


def ref(environment_id: str) -> str:
    """The ref that holds an environment's commit."""
    return layout.ENVIRONMENTS + environment_id
