"""The container of a job: everything it is granted, and what it is kept from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.runners.base import Job
from git_datmo.runners.docker import ground as grounds
from git_datmo.runners.docker.engine import Ability
from git_datmo.runners.docker.limits import Port, ports

if TYPE_CHECKING:
    from docker import APIClient
    from docker.types import DeviceRequest

RUN_LABEL, PROJECT_LABEL, HANDLE_LABEL = "git-datmo.run", "git-datmo.project", "git-datmo.handle"
PROCESSES = 512
PROCESSES_PER_CPU = 64  # a big machine's thread pools are no fork bomb
SCRATCH = "rw,exec,nosuid,nodev,size=2g,mode=1777"
SHARED_MEMORY = "2g"  # the engine's 64 MB are too few for loaders that share batches
# A supervisor that is gone finds here what was printed meanwhile.
LOG = {"max-size": "100m", "max-file": "5", "compress": "true"}


def create(
    client: APIClient,
    job: Job,
    image: str,
    handle: Mapping[str, Any],
    ability: Ability,
    *,
    writable: bool,
) -> str:
    """Make the container, not yet started; its id. `handle` is what is known of it already, and
    `told` reads it back. Raises what the SDK raises."""
    from docker.types import LogConfig

    wanted, published = job.resources, ports(job.resources)
    network = wanted.network or ("bridge" if published else "none")
    bindings: Any = _bindings(published) if network != "host" else {}
    host = client.create_host_config(
        mounts=grounds.mounts(job, str(handle["ground"])),
        network_mode=network,
        port_bindings=bindings,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        pids_limit=max(PROCESSES, PROCESSES_PER_CPU * ability.cpus),
        mem_limit=wanted.memory,
        memswap_limit=wanted.memory,
        nano_cpus=None if wanted.cpus is None else int(wanted.cpus * 1e9),
        device_requests=_devices(wanted.gpus),
        read_only=not writable,
        tmpfs={"/tmp": SCRATCH},
        shm_size=SHARED_MEMORY,
        init=True,
        log_config=LogConfig(type="local", config=LOG) if ability.keeps_logs else None,
    )
    made = client.create_container(
        image,
        list(job.argv),
        user="{}:{}".format(*owner(ability)),
        environment=variables(job),
        working_dir=f"{grounds.HOME}/{job.folder}" if job.folder else grounds.HOME,
        labels={
            RUN_LABEL: job.run_id,
            PROJECT_LABEL: job.project,
            HANDLE_LABEL: json.dumps(dict(handle)),
        },
        ports=[(port.inside, port.protocol) for port in published] if bindings else None,
        tty=bool(handle["tty"]),
        stdin_open=job.interactive,
        stop_signal="SIGTERM",
        healthcheck={"test": ["NONE"]},
        host_config=host,
        use_config_proxy=False,
    )
    return str(made["Id"])


def told(details: Mapping[str, Any]) -> dict[str, Any] | None:
    """The handle of an inspected container; None when it is none of ours."""
    text = (details["Config"].get("Labels") or {}).get(HANDLE_LABEL)
    return None if text is None else json.loads(text) | {"container": str(details["Id"])}


def variables(job: Job) -> dict[str, str]:
    """The whole environment of a task besides the image's own; the user's stays outside."""
    found = {
        "HOME": "/tmp",
        "PYTHONUNBUFFERED": "1",
        "TINI_KILL_PROCESS_GROUP": "1",  # signals reach a shell's children, as on a terminal
        "DATMO_RUN_ID": job.run_id,
        "DATMO_TASK_DIR": grounds.TASK,
    }
    if job.mounts:
        found["DATMO_DATA_DIR"] = grounds.DATA
    if has_tty(job):
        found["TERM"] = job.environ.get("TERM", "xterm")
    return found | dict(job.variables)


def has_tty(job: Job) -> bool:
    """Whether the task gets a terminal: it is interactive and the caller has one."""
    return job.interactive and os.isatty(0)


def owner(ability: Ability) -> tuple[int, int]:
    """The user and group that a task runs as."""
    # Under a rootless engine, root inside is the user outside, and nobody else is.
    return (0, 0) if ability.rootless else (os.getuid(), os.getgid())


def _bindings(published: list[Port]) -> dict[str, Any]:
    found: dict[str, list[tuple[str, int]]] = {}
    for port in published:
        key = f"{port.inside}/{port.protocol}"
        found.setdefault(key, []).append((port.address, port.host))
    return dict(found)


def _devices(gpus: str | None) -> list[DeviceRequest] | None:
    from docker.types import DeviceRequest

    if gpus is None:
        return None
    kind = [["gpu"]]
    if gpus == "all":
        return [DeviceRequest(count=-1, capabilities=kind)]
    if gpus.isdigit():
        return [DeviceRequest(count=int(gpus), capabilities=kind)]
    return [DeviceRequest(device_ids=gpus.split(","), capabilities=kind)]
