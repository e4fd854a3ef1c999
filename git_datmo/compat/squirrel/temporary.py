"""The two contexts under squirrel's names, and of squirrel's classes where it is installed."""

from __future__ import annotations

from git_datmo.compat.squirrel.contexts import Filling, Reading
from git_datmo.compat.squirrel.foundation import LoggerBase, TmpBase


class TmpArtifact(Reading, TmpBase):
    __doc__ = Reading.__doc__


class DirectoryLogger(Filling, LoggerBase):
    __doc__ = Filling.__doc__
