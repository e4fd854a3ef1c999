"""A job followed to its end, whatever happens to the connection, the engine or the container."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from git_datmo.runners.docker import follow
from git_datmo.runners.docker.container import RUN_LABEL
from tests.contracts.place import LONG, Place, says, until
from tests.runners.docker.relay import Relay

pytestmark = pytest.mark.docker

Make = Callable[..., Place]
COUNT = (
    "import sys, time\n"
    "for n in range({}):\n"
    "    print('line', n)\n"
    "    print('error', n, file=sys.stderr)\n"
    "    time.sleep({})\n"
    "raise SystemExit(3)"
)


def counted(lines: int, word: str = "line") -> bytes:
    return b"".join(f"{word} {n}\n".encode() for n in range(lines))


def test_a_cut_connection_loses_nothing(make_place: Make, tmp_path: Path):
    with Relay(tmp_path / "relay") as relay:
        place = make_place({"DOCKER_HOST": relay.address})
        job = place.job("python3", "-c", COUNT.format(60, 0.03))
        process = place.start(job)
        for n in (3, 15, 30):
            until(says(job, b"line %d\n" % n))
            relay.cut(stay=True)
        done = place.finish(job, process)
    assert done.stdout == counted(60)
    assert done.stderr == counted(60, "error")
    assert (done.end.exit_code, done.end.lost, done.end.reason) == (3, False, None)


def test_a_cut_right_before_the_end_loses_nothing(make_place: Make, tmp_path: Path):
    with Relay(tmp_path / "relay") as relay:
        place = make_place({"DOCKER_HOST": relay.address})
        text = "echo one; while [ ! -e /task/go ]; do sleep .01; done; echo two; sleep .4"
        job = place.job("sh", "-c", text)
        process = place.start(job)
        until(says(job, b"one"))
        relay.cut(stay=True)
        (job.task / "go").touch()
        assert place.finish(job, process).stdout == b"one\ntwo\n"


def test_an_engine_that_comes_back(make_place: Make, tmp_path: Path):
    with Relay(tmp_path / "relay") as relay:
        place = make_place({"DOCKER_HOST": relay.address})
        job = place.job("python3", "-c", COUNT.format(20, 0.05))
        process = place.start(job)
        until(says(job, b"line 2\n"))
        relay.cut()
        assert process.wait(2) is None
        assert process.sample() is None
        process.interrupt()  # nobody hears it, and it raises nothing
        relay.listen()
        done = place.finish(job, process)
    assert done.stdout == counted(20)
    assert done.end.exit_code == 3


def test_an_engine_that_does_not_come_back(
    make_place: Make,
    docker_api: docker.APIClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 1.5)
    with Relay(tmp_path / "relay") as relay:
        place = make_place({"DOCKER_HOST": relay.address})
        job = place.job("sh", "-c", "echo ready; sleep 60")
        process = place.start(job)
        container = process.handle["container"]
        until(says(job, b"ready"))
        relay.cut()
        began = time.monotonic()
        end = process.wait(LONG)
        assert 1 < time.monotonic() - began < 15
    assert end is not None
    assert (end.lost, end.exit_code) == (True, None)
    assert container[:12] in str(end.reason)
    assert job.stdout.read_bytes() == b"ready\n"
    process.stop(0)
    process.close()
    # What cannot be asked is left for the user to look at.
    assert docker_api.inspect_container(container)["State"]["Running"]
    docker_api.remove_container(container, force=True, v=True)


def test_a_container_that_somebody_removes(place: Place, docker_api: docker.APIClient):
    job = place.job("sh", "-c", "echo ready; sleep 60")
    process = place.start(job)
    until(says(job, b"ready"))
    docker_api.remove_container(process.handle["container"], force=True, v=True)
    end = process.wait(LONG)
    assert end is not None
    assert end.lost or end.exit_code == 137
    process.close()


def test_streams_that_the_task_closes_early(place: Place):
    script = "echo said; exec >/dev/null 2>&1; sleep 1; exit 4"
    done = place.shell(script)
    assert done.stdout == b"said\n"
    assert done.end.exit_code == 4


def test_an_adopted_flood_is_complete(place: Place):
    flood = (
        "import sys, time\n"
        "for n in range(50_000):\n"
        "    print('out', n)\n"
        "    if n % 100 == 0: print('err', n, file=sys.stderr)\n"
        "    if n % 5_000 == 0: time.sleep(.1)\n"
    )
    job = place.job("python3", "-c", flood, variables={"PYTHONUNBUFFERED": ""})
    handle = place.orphan(job)
    process = place.adopt(job, handle)
    assert process is not None
    done = place.finish(job, process)
    assert done.stdout == counted(50_000, "out")
    assert done.stderr == b"".join(b"err %d\n" % n for n in range(0, 50_000, 100))


def test_looking_at_an_orphan_does_not_follow_it(place: Place):
    job = place.job("sh", "-c", "echo one; sleep 1; echo two; sleep 60")
    handle = place.orphan(job)
    process = place.adopt(job, handle)
    assert process is not None
    before = threading.active_count()
    for _ in range(3):
        assert process.wait(0) is None
    assert threading.active_count() == before
    until(lambda: process.wait(0.1) is not None or says(job, b"two")())
    process.stop(1)
    assert place.finish(job, process).stdout == b"one\ntwo\n"


def test_several_may_find_the_end_of_an_orphan(place: Place):
    job = place.job("sh", "-c", "for n in 1 2 3; do echo $n; done; exit 9")
    handle = place.orphan(job)
    time.sleep(1)
    found = [place.adopt(job, handle) for _ in range(3)]
    threads = [threading.Thread(target=one.wait, args=(0,)) for one in found if one is not None]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = {one.wait(0) for one in found if one is not None}
    assert {end.exit_code for end in ends if end} == {9}
    assert found[0] is not None
    assert place.finish(job, found[0]).stdout == b"1\n2\n3\n"


def test_an_orphan_without_a_handle_is_found_by_its_label(place: Place):
    job = place.job("sh", "-c", "echo ready; sleep 60")
    place.orphan(job)
    process = place.adopt(job, {})
    assert process is not None
    assert process.handle["ground"] == "overlay"
    process.stop(0)
    assert place.finish(job, process).stdout == b"ready\n"


def test_a_container_of_another_run_is_not_adopted(place: Place):
    job = place.job("sleep", "60")
    process = place.start(job)
    assert place.adopt(replace(job, run_id="f" * 40), process.handle) is None
    process.stop(0)
    place.finish(job, process)


def test_a_container_that_never_began_is_removed(
    place: Place, docker_api: docker.APIClient, base_image: str
):
    job = place.job("true")
    labels = {
        RUN_LABEL: job.run_id,
        "git-datmo.handle": '{"ground": "overlay", "points": [], "tty": false, "image": ""}',
    }
    docker_api.create_container(base_image, ["true"], labels=labels)
    assert place.adopt(job, {}) is None
    assert place.remains(job) == []


def test_an_orphan_of_an_engine_that_is_away_is_waited_for(make_place: Make, tmp_path: Path):
    with Relay(tmp_path / "relay") as relay:
        place = make_place()
        job = place.job("sh", "-c", "sleep 2; echo done")
        handle = place.orphan(job)
        away = make_place({"DOCKER_HOST": relay.address})
        relay.cut()
        process = away.adopt(job, handle)
        assert process is not None
        assert process.wait(0) is None
        assert process.wait(0.5) is None
        relay.listen()
        end = process.wait(LONG)
        assert end is not None
        assert end.exit_code == 0
        assert place.finish(job, process).stdout == b"done\n"
