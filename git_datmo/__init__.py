"""git-datmo: experiments as git objects.

    import git_datmo as datmo
    datmo.snapshot.create(message="baseline", stats={"acc": 0.93})

The names below are imported when they are first used.
"""

from __future__ import annotations
