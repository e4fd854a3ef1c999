"""How scripts of t9k.em end: well, with an error, killed, in ranks, in tasks, and nowhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from git_datmo.api import elsewhere, location
from git_datmo.api import run as runs
from git_datmo.compat import em
from git_datmo.compat.em import uploading
from git_datmo.errors import FileIOError
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

START = "import os, signal, sys\nfrom git_datmo.compat import em\n"
LOG = """
run = em.create_run(name="ending", hparams={"lr": 1})
for step in range(5):
    run.log("train", {"loss": step}, step=step)
run.hparams["seen"] = 5
print("said", flush=True)
"""


def script(where: Path, text: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `text` as a Python program named `script.py`, in the folder `where`."""
    (where / "script.py").write_text(START + textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=where,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("end", "code", "status", "kept"),
    [
        ("", 0, "failed", "ended with the program: finish() was not called"),
        ("1 / 0", 1, "failed", "ZeroDivisionError: division by zero"),
        ("sys.exit(3)", 3, "failed", "ended with the program: finish() was not called"),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "stopped", "interrupted"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "lost", None),
    ],
)
def test_without_finish_it_is_an_error(
    project: Repo, end: str, code: int, status: str, kept: str | None
):
    done = script(project.path, LOG + end)
    assert done.returncode == code
    (local,) = Path(".em/runs").iterdir()
    run = em.load_run(local)
    assert run.status == "Error"
    assert len(run.metrics["train"]) == 5
    assert run.hparams == {"lr": 1, "seen": 5}
    assert (local / "stdout.log").read_text() == "said\n"
    (made,) = runs.ls(location.find(project.path))
    assert (made.id, made.status, made.alternative_name) == (run.run_id, status, local.name)
    assert made.metrics == {"train": {"loss": 4}}
    assert made.config == {"lr": 1, "seen": 5}
    assert kept in (None, made.reason)
    again = run._record()
    assert again is not None
    assert again.id == made.id
    assert_clean(project)


def test_a_run_that_lasts_is_running_to_others(project: Repo):
    run = em.create_run(name="long")
    code = f"from git_datmo.compat import em; print(em.load_run({run.local!r}).status)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "Running\n"
    child = os.fork()
    if child == 0:
        run.finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert em.load_run(run.local).status == "Running"
    run.finish()
    assert em.load_run(run.local).status == "Complete"


def test_outside_of_any_repository(tmp_path: Path):
    env = {"GIT_CONFIG_GLOBAL": "/dev/null"}
    for _ in range(2):
        done = script(tmp_path, LOG + "run.finish()\nprint(run.git)", **env)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "'repo_path': None" in done.stdout
    assert f"'entrypoint': '{tmp_path / 'script.py'}'" in done.stdout
    assert sorted(os.listdir(tmp_path)) == [".em", "script.py"]
    assert len(list((tmp_path / ".em" / "runs").iterdir())) == 2
    private = tmp_path / ".em" / "repository"
    assert os.listdir(private) == [".git"]
    made = runs.ls(location.find(private))
    assert [run.status for run in made] == ["success"] * 2
    assert em.load_run(made[0].alternative_name).run_id == made[0].id
    assert_clean(Repo(private))


def test_ranks_that_all_make_runs(repo: Repo):
    text = """
    rank = int(sys.argv[1]) if len(sys.argv) > 1 else None
    if rank is None:
        import subprocess
        ranks = [subprocess.Popen([sys.executable, "script.py", str(n)]) for n in range(4)]
        sys.exit(any(rank.wait() for rank in ranks))
    import random
    random.seed(0)
    run = em.create_run(name="rank", hparams={"rank": rank})
    for step in range(50):
        run.log("train", {"loss": rank}, step=step)
    run.finish()
    """
    done = script(repo.path, text)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("EM INFO: made ") == 1
    made = runs.ls(location.find(repo.path))
    assert sorted(run.config["rank"] for run in made) == [0, 1, 2, 3]
    assert all(run.metrics["train"]["loss"] == run.config["rank"] for run in made)
    assert len({run.alternative_name for run in made}) == 4
    assert_clean(repo)


def test_inside_a_task_it_adds_to_the_tasks_run(project: Repo):
    (project.path / "script.py").write_text(START + LOG + "run.finish()\nprint(run.local)")
    done = datmo("run", "--", sys.executable, "script.py", cwd=project.path)
    assert ".em/runs/ending_" in done.stdout
    (made,) = runs.ls(location.find(project.path))
    assert (made.type, made.status) == ("script", "success")
    assert not (project.path / ".em").exists()
    assert made.metrics == {"train": {"loss": 4}}
    assert made.config == {"lr": 1, "seen": 5}
    assert made.outputs == ()
    assert (made.alternative_name or "").startswith("ending_")
    assert em.load_run(str(made.alternative_name)).metrics["train"][-1]["value"] == {"loss": 4}

    more = f"run = em.load_run('{made.alternative_name}')\nrun.hparams['lr'] = 2\nrun.finish()"
    (project.path / "script.py").write_text(START + more)
    datmo("run", "--", sys.executable, "script.py", cwd=project.path)
    again = runs.inspect(location.find(project.path), run_id=str(made.alternative_name))
    assert (again.continues, again.config["lr"]) == (made.id, 2)


def test_a_directory_of_t9k_itself_is_read_and_recorded(project: Repo):
    local = Path("old") / "run_250102_030405_abc123"
    (local / "metrics").mkdir(parents=True)
    metadata = """
    associations: {inputs: [], outputs: []}
    alternativeName: other
    description: ''
    endTimestamp: null
    kind: Run
    labels: [a]
    name: run
    remote: []
    startTimestamp: '2025-01-02T03:04:05.000006+08:00'
    status: Running
    """
    hparams = """
    lr: !!python/object/apply:numpy.core.multiarray.scalar
    - &id001 !!python/object/apply:numpy.dtype
      args: [f8, false, true]
      state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
    - !!binary |
      mpmZmZmZuT8=
    size: !!python/tuple [3, 4]
    made: !!python/object/apply:os.system ['touch pwned']
    kind: !!python/object:some.Thing {a: 1}
    """
    points = """
    - sequence: {epoch: 1, step: 10, timestamp: '2025-01-02T03:04:06+08:00'}
      value: {loss: 0.5, nan: .nan}
    - sequence: {epoch: null, step: 20, timestamp: '2025-01-02T03:04:07+08:00'}
      value: {loss: 0.25}
    """
    for name, text in [
        ("metadata.yaml", metadata),
        ("hyperparameters.yaml", hparams),
        ("metrics/train.yaml", points),
        ("index.yaml", ""),
        ("platform.yaml", "hostname: h"),
        ("git.yaml", "branch: main"),
        ("stdout.log", "hello\n"),
    ]:
        (local / name).write_text(textwrap.dedent(text))
    state = {path: path.read_bytes() for path in local.rglob("*") if path.is_file()}
    run = em.load_run(local)
    assert (run.status, run.alternative_name, run.labels) == ("Error", local.name, ["a"])
    assert run.hparams.as_dict() == {
        "lr": 0.1,
        "size": [3, 4],
        "made": ["touch pwned"],
        "kind": {"a": 1},
    }
    assert not Path("pwned").exists()
    assert [one["value"]["loss"] for one in run.metrics["training"]] == [0.5, 0.25]
    assert (run.platform, run.git) == ({"hostname": "h"}, {"branch": "main"})
    made, again = run._record(), run._record()
    assert made is not None
    assert again is not None
    assert made.id == again.id
    assert (made.status, made.alternative_name, made.logs) == ("lost", local.name, "hello\n")
    assert made.metrics["train"]["loss"] == 0.25
    found = elsewhere.find(location.find(project.path), alternative_name=local.name)
    assert found == made
    assert {path: path.read_bytes() for path in local.rglob("*") if path.is_file()} == state


SAID = "kind: Run\nname: x\nstatus: Complete\n"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("stdout.log", Path("/etc/hostname")),
        ("hyperparameters.yaml", Path("/etc/hostname")),
        ("metadata.yaml", None),
        ("metrics/a.jsonl", None),
        ("metrics/a.yaml", Path("/etc/hostname")),
        ("metadata.yaml", SAID + "labels: 3"),
        ("metadata.yaml", SAID + "associations: {inputs: 3}"),
        ("metadata.yaml", SAID + "remote: [5]"),
        ("hyperparameters.yaml", "a: !!set {x}"),
    ],
)
def test_a_directory_that_a_stranger_made(project: Repo, name: str, given: Path | str | None):
    local = Path("old") / "run_250102_030405_abc123"
    (local / "metrics").mkdir(parents=True)
    (local / "metadata.yaml").write_text(SAID)
    for each in ("index", "hyperparameters", "platform", "git"):
        (local / f"{each}.yaml").touch()
    (local / "stdout.log").touch()
    assert em.load_run(local).status == "Complete"
    (local / name).unlink(missing_ok=True)
    if given is None:
        os.mkfifo(local / name)
    elif isinstance(given, Path):
        (local / name).symlink_to(given)
    else:
        (local / name).write_text(given)
    with pytest.raises(FileIOError, match=r"link|regular|does not"):
        em.load_run(local)
    if "metadata" in name and given is None:
        with pytest.raises(FileIOError, match="regular"):
            uploading.metadata_of(local)


def test_what_could_not_be_recorded_is_recorded_later(
    project: Repo, caplog: pytest.LogCaptureFixture
):
    run = em.create_run(name="late", hparams={"lr": 1}, labels="x")
    run.log("train", {"loss": 1}, step=1)
    assert run._task is not None
    shutil.rmtree(run._task.parent)
    run.log("train", {"loss": 2}, step=2)
    run.finish()
    assert "could not be recorded" in caplog.text
    assert (run.status, len(run.metrics["train"])) == ("Complete", 2)
    made = run._record()
    assert made is not None
    assert (made.id, made.status, made.labels) == (run.run_id, "success", ("x",))
    assert (made.metrics, made.config) == ({"train": {"loss": 2}}, {"lr": 1})
    assert_clean(project)


def test_importing_does_nothing(tmp_path: Path):
    code = (
        "import sys; from git_datmo.compat import em; import git_datmo.compat.em.console; "
        "import json; print(json.dumps(sorted({'pygit2', 'yaml', 'orjson', 'click'} & "
        "set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
    assert os.listdir(tmp_path) == []
