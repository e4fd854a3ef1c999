"""What is raised where something that was named is not there, with all the types that scripts
catch it by."""

from __future__ import annotations

from git_datmo.errors import PathDoesNotExist


class NotHere(PathDoesNotExist, RuntimeError, OSError):
    """A path is neither a local file or directory, nor anything recorded or uploaded."""


class Incomplete(PathDoesNotExist, FileNotFoundError):
    """A local directory lacks a file that every run or artifact has."""
