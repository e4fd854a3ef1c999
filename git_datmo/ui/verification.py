"""Verdicts on signature and content, as text."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.model.quantity import counted
from git_datmo.model.verification import COMPLETE, Signature, Verdict, Verification
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import size

SHOWN = 20


def report(found: Verification) -> Iterator[str]:
    """What was found of each, and of all together."""
    for verdict in found.verdicts:
        yield from _verdict(verdict, verdict.ok(found.require_signature))
    total = len(found.verdicts)
    if total != 1:
        good = sum(verdict.ok(found.require_signature) for verdict in found.verdicts)
        yield f"{good} of {total} verified"


def _verdict(verdict: Verdict, ok: bool) -> Iterator[str]:
    said = "verified" if ok else "NOT verified"
    yield safe(f"{verdict.kind} {verdict.id[:12]}: {said}  {verdict.title}".rstrip())
    yield safe(f"  signature: {signature(verdict.signature)}")
    counts = f"{counted(verdict.objects, 'object')} of git"
    if verdict.files:
        counts += f", {counted(verdict.files, 'stored file')} ({size(verdict.size)})"
    yield f"  content: {verdict.content}" + (f", {counts}" if verdict.content == COMPLETE else "")
    for problem in verdict.problems[:SHOWN]:
        yield safe(f"    {problem.state}: {problem.message}")
    if len(verdict.problems) > SHOWN:
        yield f"    and {len(verdict.problems) - SHOWN} more (--json lists all)"
    if verdict.hint and not ok:
        yield safe(f"  hint: {verdict.hint}")


def signature(found: Signature) -> str:
    """A signature in a few words."""
    words = found.state
    if found.signer:
        words += f", {found.signer}"
    if found.key:
        words += f" (key {found.key})"
    return words
