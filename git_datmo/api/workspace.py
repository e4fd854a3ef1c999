"""The workspaces: notebook, jupyterlab, rstudio, terminal. Runs in which people work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from git_datmo.api import opening
from git_datmo.api.opening import Wish
from git_datmo.api.supervision import Output
from git_datmo.api.user import NOBODY, User
from git_datmo.model.run import Run
from git_datmo.model.workspace import JUPYTERLAB, NOTEBOOK, RSTUDIO, TERMINAL, Access
from git_datmo.records.project import Project


def notebook(
    project: Project,
    *,
    runner: str | None = None,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    gpu: bool = False,
    gpus: str | int | None = None,
    port: int | None = None,
    mem_limit: str | int | None = None,
    cpus: str | float | None = None,
    env: Mapping[str, str] | Sequence[str] = (),
    data: Sequence[str] = (),
    timeout: str | float | None = None,
    detach: bool = False,
    in_place: bool = True,
    apply: bool = True,
    session_id: str | None = None,
    message: str | None = None,
    label: str | None = None,
    include_secrets: bool = False,
    user: User = NOBODY,
    output: Output | None = None,
    report: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
    opened: Callable[[Access], None] = opening.unheard,
) -> Run:
    """Work in Jupyter notebooks, in an environment, until the server is stopped.

    The server listens on 127.0.0.1 alone, on `port` or a free one, and lets in who has a token
    that is made for it. `opened` hears the way in once the server answers, from another thread
    unless `detach`: then this returns after that, and the server runs on. The state before and
    the state after are recorded, with a run of type `notebook` between them. It works in the
    work tree itself; without `in_place` in a copy, whose changes come back at the end if `apply`.

    One that ended because it was told to is a success. Raises what `run.run` raises; Conflict
    when the user's settings would let in everybody, EngineError where there is no such server.
    """
    return opening.serve(
        project,
        Wish(
            kind=NOTEBOOK,
            runner=runner,
            environment_id=environment_id,
            environment_def=environment_def,
            environment_paths=environment_paths,
            gpu=gpu,
            gpus=gpus,
            port=port,
            mem_limit=mem_limit,
            cpus=cpus,
            env=env,
            data=data,
            timeout=timeout,
            detach=detach,
            in_place=in_place,
            apply=apply,
            session_id=session_id,
            message=message,
            label=label,
            include_secrets=include_secrets,
            user=user,
            output=output,
            report=report,
            progress=progress,
            opened=opened,
        ),
    )


def jupyterlab(
    project: Project,
    *,
    runner: str | None = None,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    gpu: bool = False,
    gpus: str | int | None = None,
    port: int | None = None,
    mem_limit: str | int | None = None,
    cpus: str | float | None = None,
    env: Mapping[str, str] | Sequence[str] = (),
    data: Sequence[str] = (),
    timeout: str | float | None = None,
    detach: bool = False,
    in_place: bool = True,
    apply: bool = True,
    session_id: str | None = None,
    message: str | None = None,
    label: str | None = None,
    include_secrets: bool = False,
    user: User = NOBODY,
    output: Output | None = None,
    report: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
    opened: Callable[[Access], None] = opening.unheard,
) -> Run:
    """Work in JupyterLab, in an environment, until the server is stopped; see `notebook`."""
    return opening.serve(
        project,
        Wish(
            kind=JUPYTERLAB,
            runner=runner,
            environment_id=environment_id,
            environment_def=environment_def,
            environment_paths=environment_paths,
            gpu=gpu,
            gpus=gpus,
            port=port,
            mem_limit=mem_limit,
            cpus=cpus,
            env=env,
            data=data,
            timeout=timeout,
            detach=detach,
            in_place=in_place,
            apply=apply,
            session_id=session_id,
            message=message,
            label=label,
            include_secrets=include_secrets,
            user=user,
            output=output,
            report=report,
            progress=progress,
            opened=opened,
        ),
    )


def rstudio(
    project: Project,
    *,
    runner: str | None = None,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    port: int | None = None,
    mem_limit: str | int | None = None,
    cpus: str | float | None = None,
    env: Mapping[str, str] | Sequence[str] = (),
    data: Sequence[str] = (),
    timeout: str | float | None = None,
    detach: bool = False,
    in_place: bool = True,
    apply: bool = True,
    session_id: str | None = None,
    message: str | None = None,
    label: str | None = None,
    include_secrets: bool = False,
    user: User = NOBODY,
    output: Output | None = None,
    report: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
    opened: Callable[[Access], None] = opening.unheard,
) -> Run:
    """Work in RStudio, in an environment, until the server is stopped; see `notebook`.

    Its page asks for a user and a password: `opened` hears both. The machine, or the image, must
    have RStudio's server.
    """
    return opening.serve(
        project,
        Wish(
            kind=RSTUDIO,
            runner=runner,
            environment_id=environment_id,
            environment_def=environment_def,
            environment_paths=environment_paths,
            port=port,
            mem_limit=mem_limit,
            cpus=cpus,
            env=env,
            data=data,
            timeout=timeout,
            detach=detach,
            in_place=in_place,
            apply=apply,
            session_id=session_id,
            message=message,
            label=label,
            include_secrets=include_secrets,
            user=user,
            output=output,
            report=report,
            progress=progress,
            opened=opened,
        ),
    )


def terminal(
    project: Project,
    *,
    runner: str | None = None,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    gpu: bool = False,
    gpus: str | int | None = None,
    ports: Sequence[str | int] = (),
    mem_limit: str | int | None = None,
    cpus: str | float | None = None,
    network: str | None = None,
    env: Mapping[str, str] | Sequence[str] = (),
    data: Sequence[str] = (),
    timeout: str | float | None = None,
    in_place: bool = True,
    apply: bool = True,
    session_id: str | None = None,
    message: str | None = None,
    label: str | None = None,
    include_secrets: bool = False,
    user: User = NOBODY,
    output: Output | None = None,
    report: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """Work in a shell, in an environment, until it is left.

    It is the user's own shell, in a container bash or sh. It gets the terminal of this process
    where there is one, else its standard input. What it shows is the run's log; the exit code is
    the shell's. Works in the work tree itself, without `in_place` in a copy; see `notebook`.
    Raises what `run.run` raises.
    """
    return opening.terminal(
        project,
        Wish(
            kind=TERMINAL,
            runner=runner,
            environment_id=environment_id,
            environment_def=environment_def,
            environment_paths=environment_paths,
            gpu=gpu,
            gpus=gpus,
            ports=ports,
            mem_limit=mem_limit,
            cpus=cpus,
            network=network,
            env=env,
            data=data,
            timeout=timeout,
            in_place=in_place,
            apply=apply,
            session_id=session_id,
            message=message,
            label=label,
            include_secrets=include_secrets,
            user=user,
            output=output,
            report=report,
            progress=progress,
        ),
    )
