"""Logging from inside a program: many writers, full disks, wrong values, and no exception."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import threading
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from git_datmo.model.series import Point, parse
from git_datmo.tracking.sink import KEPT, METRICS, Sink


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    made = Sink(tmp_path)
    yield made
    made.close()


def points(folder: Path) -> list[Point]:
    return [parse(line) for line in (folder / METRICS).read_bytes().splitlines() if line]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "git_datmo"]


def test_every_way_to_say_it(sink: Sink, caplog: pytest.LogCaptureFixture):
    sink.log({"loss": 1})
    sink.log({"loss": 1}, 3)
    sink.log({"loss": 1}, step=3, epoch=1)
    sink.log("val", {"loss": 1}, 3, 1)
    sink.log(type="val", metrics={"loss": 1}, step=3)
    sink.log({"loss": 1}, type="val")
    sink.log(loss=1, step=3)
    sink.log("val", loss=1)
    sink.log({"loss": 1}, type=Path("a/b"))
    sink.log(3, {"loss": 1})
    found = points(sink.folder)
    assert [(p.type, p.step, p.epoch) for p in found] == [
        ("default", None, None),
        ("default", 3, None),
        ("default", 3, 1),
        ("val", 3, 1),
        ("val", 3, None),
        ("val", None, None),
        ("default", 3, None),
        ("val", None, None),
        ("a/b", None, None),
    ]
    assert all(p.values == {"loss": 1} and p.time for p in found)
    assert sink.failures == 1, "a number is no type"
    assert len(warnings(caplog)) == 1


def test_a_point_is_there_when_the_call_returns(sink: Sink):
    for number in range(3):
        sink.log({"loss": number}, step=number)
        assert [p.step for p in points(sink.folder)] == list(range(number + 1))


def test_nothing_raises_and_one_warning_is_enough(sink: Sink, caplog: pytest.LogCaptureFixture):
    class Rude:
        def item(self) -> object:
            raise ZeroDivisionError("rude")

        __float__ = item

    for wrong in (object(), [1, 2], b"x", Rude(), "\ud800"):
        sink.log({"bad": wrong, "good": 1})
    several: list[tuple[Any, ...]] = [(), (None,), ("train",), ([1],), ("train", [1]), ({}, "x")]
    for args in several:
        sink.log(*args)
    assert len(points(sink.folder)) >= 4
    assert sink.failures == 11
    assert 0 < len(sink.problems) <= KEPT
    assert len(warnings(caplog)) == 1


def test_logging_goes_on_where_warnings_are_errors(
    sink: Sink, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logging, "raiseExceptions", True)
    sink.log(None)
    assert list(recwarn) == []


def test_a_folder_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sink = Sink(tmp_path / "gone")
    sink.log({"a": 1})
    assert sink.log_config({"a": 1}) == {}
    assert sink.failures == 2
    assert "no task directory" in warnings(caplog)[0]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "gone").mkdir()
    sink.log({"a": 2})
    assert [p.values for p in points(tmp_path / "gone")] == [{"a": 2}]
    sink.close()


def test_a_link_is_not_followed(tmp_path: Path):
    (tmp_path / METRICS).symlink_to(tmp_path / "elsewhere")
    sink = Sink(tmp_path)
    sink.log({"a": 1})
    assert sink.failures == 1
    assert not (tmp_path / "elsewhere").exists()


def test_after_the_end(sink: Sink):
    sink.log({"a": 1})
    sink.close()
    sink.log({"a": 2})
    assert sink.log_result({"a": 2}) == {}
    assert sink.problems == ["the run has ended: nothing can be added to it"]
    assert len(points(sink.folder)) == 1


def test_a_torn_line_does_not_take_the_next_with_it(tmp_path: Path):
    (tmp_path / METRICS).write_bytes(b'{"step":1,"a":1}\n{"step":2,"a"')
    sink = Sink(tmp_path)
    sink.log({"a": 3}, step=3)
    sink.close()
    lines = (tmp_path / METRICS).read_bytes().splitlines()
    assert [parse(line).step for line in (lines[0], lines[2])] == [1, 3]


def test_a_full_disk_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A limit on the size of files stands for the disk: the write that crosses it is cut short."""

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        sink = Sink(tmp_path)
        for step in range(100):
            sink.log({"loss": 0.5}, step=step)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        sink.log({"loss": 0.5}, step=1000)
        os._exit(0 if sink.failures > 50 and len(sink.problems) == 1 else 1)

    child = multiprocessing.get_context("fork").Process(target=fill)
    child.start()
    child.join()
    assert child.exitcode == 0
    *whole, torn, last = (tmp_path / METRICS).read_bytes().splitlines()
    assert [parse(line).step for line in whole] == list(range(len(whole)))
    assert not torn.endswith(b"}")
    assert parse(last).step == 1000


def test_threads_and_processes_share_a_file(sink: Sink):
    each, threads, processes = 500, 4, 4

    def work(name: str) -> None:
        for step in range(each):
            sink.log({name: step, "pad": "x" * 200}, step=step)

    def crowd(name: str) -> None:
        crew = [threading.Thread(target=work, args=(f"{name}.{n}",)) for n in range(threads)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()

    context = multiprocessing.get_context("fork")
    sink.log({"first": 0})  # The children inherit the open file.
    children = [context.Process(target=crowd, args=(f"p{n}",)) for n in range(processes)]
    for child in children:
        child.start()
    crowd("own")
    for child in children:
        child.join()
        assert child.exitcode == 0
    found = points(sink.folder)
    assert len(found) == 1 + each * threads * (processes + 1)
    steps: dict[str, list[object]] = {}
    for point in found[1:]:
        (name,) = point.values.keys() - {"pad"}
        steps.setdefault(name, []).append(point.step)
    assert all(seen == list(range(each)) for seen in steps.values())
    assert sink.failures == 0


def test_config_and_results_are_merged(sink: Sink):
    assert sink.log_config({"net": {"depth": 3}}) == {"net": {"depth": 3}}
    assert sink.log_config({"net": {"width": 8}}, lr=0.1) == {
        "net": {"depth": 3, "width": 8}, "lr": 0.1,
    }  # fmt: skip
    assert sink.log_result(accuracy=0.9) == {"accuracy": 0.9}
    assert sink.log_results({"accuracy": 0.95}) == {"accuracy": 0.95}
    assert sink.log_config() == {"net": {"depth": 3, "width": 8}, "lr": 0.1}


def test_config_may_be_what_programs_have(sink: Sink):
    @dataclass
    class Settings:
        lr: float = 0.1

    assert sink.log_config(Namespace(seed=1)) == {"seed": 1}
    assert sink.log_config(Settings()) == {"seed": 1, "lr": 0.1}
    assert sink.log_config(3) == {}
    assert sink.log_config(Settings) == {}
    assert sink.failures == 2
