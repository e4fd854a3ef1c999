"""A run under way: the facts that all may read, and what its supervisor has to remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.model.run import Facts, Resources
from git_datmo.records.flights import Flight
from git_datmo.records.runs import SEVERAL, is_sound

if TYPE_CHECKING:
    from git_datmo.runners.base import Job


class Underway:
    """A flight with its facts in memory. `save` writes them; readers see them at once.

    `facts` are plain values by the names of `Facts`. `live` holds: phase (preparing, ready,
    started, ended), work_tree, slot, isolated, apply, session, message, label, config,
    environment, links, mounts, inputs, outputs, prepared, handle, include_secrets.
    """

    def __init__(self, flight: Flight, facts: dict[str, Any], live: dict[str, Any]) -> None:
        self.flight, self.facts, self.live = flight, facts, live
        # The paths of the snapshot before that count as files, where this process found it.
        self.files: set[bytes] | None = None

    @classmethod
    def of(cls, flight: Flight) -> Underway:
        """What a flight's folder says."""
        said = flight.facts()
        live = said.pop("live", None)
        return cls(flight, said, live if isinstance(live, dict) else {})

    @property
    def id(self) -> str:
        return self.flight.id

    def save(self) -> None:
        """Write it down. Raises NoSpace."""
        self.flight.write({**self.facts, "live": self.live})

    def public(self) -> Facts:
        """The facts as a value; what is missing or odd is left at its default."""
        names = Facts.__dataclass_fields__
        known = {k: v for k, v in self.facts.items() if k in names and is_sound(k, v)}
        for name in (*SEVERAL, "labels"):
            known[name] = tuple(known.get(name) or ())
        return Facts(**{**known, "id": self.id})

    def job(self, environ: Mapping[str, str], variables: Mapping[str, str]) -> Job:
        """The job that a runner is given. `variables` come from whoever knows their values."""
        from git_datmo.runners.base import Job, Link, Mount

        live, path = self.live, self.flight.path
        asked = dict(self.facts.get("resources") or {})
        asked["ports"] = tuple(asked.get("ports") or ())
        tree = Path(live["tree"] if live.get("tree") else live["work_tree"])
        return Job(
            run_id=self.id,
            argv=tuple(self.facts.get("command") or ()),
            tree=tree,
            folder=str(self.facts.get("folder") or ""),
            task=self.flight.task,
            room=path,
            variables={
                **variables,
                "DATMO_RUN_ID": self.id,
            },
            environ=environ,
            mounts=tuple(Mount(Path(s), n) for s, n in live.get("mounts") or ()),
            links=tuple(Link(Path(s), d) for s, d in live.get("links") or ()),
            resources=Resources(**asked),
            interactive=bool(live.get("interactive")),
            in_place=not live.get("isolated"),
            project=str(live.get("project") or ""),
            home=Path(live["work_tree"]) if live.get("work_tree") else None,
        )


def begin(flight: Flight, facts: Facts, live: Mapping[str, Any]) -> Underway:
    """A new run's facts, written down."""
    plain = {k: v for k, v in asdict(facts).items() if v not in (None, {}, (), "")}
    run = Underway(flight, plain, dict(live))
    run.save()
    return run
