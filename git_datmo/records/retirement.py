"""Letting go of refs that nobody needs: the chain carries what they held.

Every ref on a remote makes each push and fetch of everybody slower, so of the versions of
artifacts too a clone keeps refs for the newest and the labelled alone.
"""

from __future__ import annotations

from git_datmo.records import chain, layout
from git_datmo.records.project import Project
from git_datmo.storage import refs


def retire_artifacts(project: Project, writer: chain.Writer) -> None:
    """Let go of our oldest unlabelled refs to artifacts, where there are clearly more than
    `datmo.maxRefs`."""
    limit = project.max_refs
    held = refs.read(project.repository.common_dir, layout.ARTIFACTS).found
    if len(held) < limit + max(5, limit // 4):
        return
    known = {name: writer.index.get(oid) for name, oid in held.items()}
    dated = sorted(
        (record.created, name) for name, record in known.items() if record and not record.label
    )
    for _, name in dated[: max(0, len(held) + 1 - limit)]:
        writer.ref(name, None)
