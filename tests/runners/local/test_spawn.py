"""How a process is started, and how its end is judged."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.errors import Conflict, PathDoesNotExist, RequiredArgumentMissing, ValidationFailed
from git_datmo.runners.base import Prepared
from tests.contracts.place import Place, says, until

CGROUPS = Path("/sys/fs/cgroup")
# Joins the control group whose file it is given, then takes more than that has.
HUNGRY = 'echo $$ >"$0" && exec python3 -c "x = bytearray(400_000_000)"'


def test_the_signal_is_known(local: Place):
    end = local.shell("kill -USR1 $$; sleep 60").end
    assert (end.signal, end.exit_code) == (signal.SIGUSR1, 128 + signal.SIGUSR1)


def test_nobody_says_memory_of_a_kill(local: Place):
    end = local.shell("kill -9 $$").end
    assert (end.signal, end.exit_code, end.oom, end.reason) == (9, 137, False, None)


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group of 64 MB: put a process in by writing its number into `cgroup.procs`."""
    legacy = CGROUPS / "memory"
    group = (legacy if legacy.is_dir() else CGROUPS) / f"git-datmo-test-{uuid.uuid4().hex}"
    try:
        group.mkdir()
        limit = "memory.limit_in_bytes" if legacy.is_dir() else "memory.max"
        (group / limit).write_text(str(64 << 20))
    except OSError as error:
        if group.is_dir():
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    group.rmdir()


def test_who_was_killed_for_memory_is_told_so(local: Place, small_memory: Path):
    done = local.run("sh", "-c", HUNGRY, str(small_memory / "cgroup.procs"))
    assert (done.end.oom, done.end.exit_code, done.end.signal) == (True, 137, 9)
    assert done.end.reason is not None
    assert "memory" in done.end.reason


def test_a_shell_that_reports_it_is_told_so_too(local: Place, small_memory: Path):
    text = 'sh -c "$0" "$1"; exit $?'
    done = local.run("sh", "-c", text, HUNGRY, str(small_memory / "cgroup.procs"))
    assert (done.end.oom, done.end.exit_code) == (True, 137)


def test_a_worker_killed_for_memory_is_mentioned(local: Place, small_memory: Path):
    text = 'sh -c "$0" "$1"; exit 3'
    done = local.run("sh", "-c", text, HUNGRY, str(small_memory / "cgroup.procs"))
    assert (done.end.oom, done.end.exit_code) == (False, 3)
    assert done.end.reason is not None
    assert "memory" in done.end.reason


def test_a_program_of_another_machine(local: Place):
    job = local.job("./alien", files={"alien": b"\x7fELF\0\0\0 nothing"})
    (job.tree / "alien").chmod(0o755)
    end = local.finish(job, local.start(job)).end
    assert end.exit_code == 126
    assert "another kind of machine" in (end.reason or "")


def test_an_interpreter_that_is_not_there(local: Place):
    job = local.job("./script", files={"script": "#!/no/such/interpreter\n"})
    (job.tree / "script").chmod(0o755)
    end = local.finish(job, local.start(job)).end
    assert end.exit_code == 127
    assert "interpreter" in (end.reason or "")


def test_a_command_is_looked_for_on_the_tasks_own_path(local: Place, tmp_path: Path):
    program = tmp_path / "bin" / "my-tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    assert local.run("my-tool", environ={**os.environ, "PATH": path}).text == "mine\n"
    assert local.run("my-tool", variables={"PATH": path}).text == "mine\n"
    assert local.run("my-tool").end.exit_code == 127


def test_arguments_that_are_too_many(local: Place):
    end = local.run("true", *(["x" * 100_000] * 100)).end
    assert end.exit_code == 126
    assert "longer" in (end.reason or "")


def test_a_job_without_a_command(local: Place):
    with pytest.raises(RequiredArgumentMissing):
        local.prepare(local.job())


def test_what_no_system_can_take(local: Place):
    for job in (
        local.job("echo", "a\0b"),
        local.job("true", variables={"A": "a\0b"}),
        local.job("true", variables={"A=B": "c"}),
        local.job("true", variables={"": "c"}),
    ):
        with pytest.raises(ValidationFailed):
            local.prepare(job)


def test_git_is_not_led_into_the_users_repository(local: Place):
    environ = {**os.environ, "GIT_DIR": "/users/.git", "GIT_INDEX_FILE": "/users/index"}
    shown = "echo ${GIT_DIR-no} ${GIT_INDEX_FILE-no} ${GIT_AUTHOR_DATE+kept}"
    assert local.shell(shown, environ=environ).text == "no no kept\n"
    assert local.shell(shown, environ=environ, in_place=True).text.startswith("/users/.git ")


def test_pwd_is_where_it_is(local: Place):
    environ = {**os.environ, "PWD": "/", "OLDPWD": "/"}
    done = local.run("sh", "-c", "pwd -L; echo ${OLDPWD-no}", environ=environ)
    assert done.text == f"{done.job.tree}\nno\n"


def test_streams_are_appended_to(local: Place):
    job = local.job("sh", "-c", "echo more; echo errors >&2")
    job.stdout.write_text("before\n")
    local.finish(job, local.start(job))
    assert job.stdout.read_text() == "before\nmore\n"


def test_streams_that_cannot_be_written(local: Place):
    job = local.job("true")
    job.stdout.mkdir()
    with pytest.raises(Conflict, match="stdout"):
        local.start(job)


def test_output_outlives_the_supervisor(local: Place):
    job = local.job("sh", "-c", "echo ready; sleep 1; echo late; echo late >&2")
    handle = local.orphan(job)
    until(says(job, b"late"))
    until(lambda: local.adopt(job, handle) is None)
    assert job.stderr.read_bytes() == b"late\n"


def test_the_folder_must_be_there(local: Place):
    job = local.job("true", folder="gone")
    with pytest.raises(PathDoesNotExist):
        local.runner.start(job, Prepared())


def test_nothing_inherits_our_files(local: Place, tmp_path: Path):
    with open(tmp_path / "open", "w") as file:
        os.set_inheritable(file.fileno(), True)
        listed = local.shell("ls /proc/$$/fd").text.split()
        assert str(file.fileno()) not in listed or file.fileno() > 10
        assert set(listed) <= {"0", "1", "2", "10"}  # 10: a shell's own
