"""The files of a job's output: nothing twice, nothing missing, whatever was cut in between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.runners.docker.record import Record

TEXT = b"".join(b"line %d\n" % n for n in range(40_000))


def overlay(record: Record, log: list[bytes]) -> None:
    with record.overlaid() as take:
        for data in log:
            take(data)


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 65_536, 100_000, 10**7])
@pytest.mark.parametrize("have", [0, 1, 65_536, 65_537, len(TEXT) - 1, len(TEXT)])
def test_a_log_is_laid_over_what_is_there(tmp_path: Path, have: int, size: int):
    path = tmp_path / "stdout"
    text = TEXT if size > 7 else TEXT[:70_000]
    path.write_bytes(text[:have])
    record = Record(path)
    overlay(record, chunks(text, size))
    record.close()
    assert path.read_bytes() == text
    assert not record.dropped


def test_it_may_be_laid_over_again_and_again(tmp_path: Path):
    record = Record(tmp_path / "out")
    for upto in (10, 10, 300, 299, 5000, 0, 400_000):
        overlay(record, chunks(TEXT[:upto], 64))
    record.append(b"more")
    assert (tmp_path / "out").read_bytes() == TEXT[:400_000] + b"more"
    record.close()
    record.close()


def test_a_log_without_its_start_is_kept_whole_and_said_so(tmp_path: Path):
    path = tmp_path / "out"
    path.write_bytes(TEXT[:1000])
    record = Record(path)
    overlay(record, chunks(TEXT[100_003:], 4096))
    record.close()
    assert record.dropped
    assert path.read_bytes() == TEXT[:1000] + TEXT[100_003:]


def test_a_full_disk_is_remembered(tmp_path: Path):
    record = Record(Path("/dev/full"))
    record.append(b"lost")
    assert record.fault is not None
    assert "space" in record.fault
    record.append(b"also lost")
    record.close()


def test_its_end(tmp_path: Path):
    record = Record(tmp_path / "out")
    assert record.tail() == b""
    record.append(TEXT)
    assert record.tail(10) == TEXT[-10:]
    assert os.path.getsize(tmp_path / "out") == len(TEXT)
    record.close()
