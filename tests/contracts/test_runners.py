"""What every runner must do: how jobs start and end, what they see, and what they leave."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.errors import PathDoesNotExist
from git_datmo.runners.base import Link, Mount
from tests.contracts.place import Place, says, until

ODD = "a b:c,d é -x 'q' $HOME \\ \N{SNOWMAN}"


def test_it_has_a_name(place: Place):
    assert place.runner.name == place.name


def test_success(place: Place):
    done = place.shell("echo fine")
    assert (done.end.exit_code, done.end.signal, done.end.oom, done.end.lost) == (
        0,
        None,
        False,
        False,
    )
    assert (done.stdout, done.stderr) == (b"fine\n", b"")


def test_the_exit_code_is_the_tasks_own(place: Place):
    assert place.shell("exit 7").end.exit_code == 7
    assert place.shell("exit 255").end.exit_code == 255


@pytest.mark.parametrize(("name", "number"), [("KILL", 9), ("TERM", 15), ("SEGV", 11)])
def test_a_signal_is_128_and_its_number(place: Place, name: str, number: int):
    end = place.shell(f"kill -{name} $$; sleep 60").end
    assert end.exit_code == 128 + number
    assert end.signal in (number, None)  # an engine may tell the code alone
    assert not end.oom


def test_a_command_that_does_not_exist(place: Place):
    for word in ("datmo-no-such-program", "./no/such/file", "/no/such/file"):
        end = place.run(word, "argument").end
        assert end.exit_code == 127
        assert end.reason is not None
        assert word in end.reason


def test_a_command_that_cannot_be_executed(place: Place):
    end = place.run("./notes.txt", files={"notes.txt": "words"}).end
    assert end.exit_code == 126
    assert end.reason is not None
    assert "notes.txt" in end.reason


def test_a_folder_is_no_command(place: Place):
    assert place.run("./folder", files={"folder/file": ""}).end.exit_code == 126


def test_a_script_without_an_interpreter_is_the_shells(place: Place):
    job = place.job("./script", "word", files={"script": "echo given $1\n"})
    (job.tree / "script").chmod(0o755)
    assert place.finish(job, place.start(job)).stdout == b"given word\n"


def test_both_streams_are_kept_apart(place: Place):
    done = place.shell("echo out; echo err >&2; echo out again")
    assert (done.stdout, done.stderr) == (b"out\nout again\n", b"err\n")


def test_silence_is_two_empty_files(place: Place):
    done = place.run("true")
    assert (done.stdout, done.stderr) == (b"", b"")


def test_output_comes_while_it_runs(place: Place):
    job = place.job("python3", "-c", "import time; print('now'); time.sleep(60)")
    process = place.start(job)
    until(says(job, b"now"))
    assert process.wait(0) is None
    process.stop(5)
    place.finish(job, process)


def test_big_output_is_complete(place: Place):
    size = 50_000_000
    made = place.python(
        "import hashlib, sys\n"
        "block = b'0123456789abcde\\n' * 6250\n"
        "for n in range(500): sys.stdout.buffer.write(block)\n"
    )
    assert len(made.stdout) == size
    expected = hashlib.sha256(b"0123456789abcde\n" * (size // 16)).hexdigest()
    assert hashlib.sha256(made.stdout).hexdigest() == expected


def test_binary_output_is_byte_for_byte(place: Place):
    every = bytes(range(256)) * 100
    done = place.python(
        "import sys\n"
        "sys.stdout.buffer.write(bytes(range(256)) * 100)\n"
        "sys.stderr.buffer.write(b'\\r\\n\\0no end')"
    )
    assert done.stdout == every
    assert done.stderr == b"\r\n\0no end"


def test_one_long_line_without_an_end(place: Place):
    assert place.python("print('x' * 3_000_000, end='')").stdout == b"x" * 3_000_000


def test_arguments_reach_it_as_they_are(place: Place):
    words = ["", "-leading", "two words", "a\nb", "'\"`$HOME\\", "é\N{SNOWMAN}", "*", "--"]
    done = place.python("import sys; print(sys.argv[1:])", *words)
    assert done.text == f"{words}\n"


def test_variables_reach_it_as_they_are(place: Place):
    variables = {"PLAIN": "1", "EMPTY": "", "ODD": "a b=c\n'\"$HOME é"}
    done = place.python(
        "import os; print([os.environ.get(n) for n in ('PLAIN', 'EMPTY', 'ODD')])",
        variables=variables,
    )
    assert done.text == f"{list(variables.values())}\n"


def test_the_users_environment(place: Place):
    environ = {**os.environ, "SECRET_OF_MINE": "seen"}
    done = place.shell("echo ${SECRET_OF_MINE-nothing}", environ=environ)
    assert done.text == ("seen\n" if place.inherits else "nothing\n")


def test_what_is_set_for_the_task_goes_before_the_users(place: Place):
    environ = {**os.environ, "WHOSE": "the user's"}
    done = place.shell("echo $WHOSE", environ=environ, variables={"WHOSE": "the task's"})
    assert done.text == "the task's\n"


def test_the_protocol_is_in_the_environment(place: Place):
    done = place.shell("echo $DATMO_RUN_ID; test -d $DATMO_TASK_DIR; echo $? ${DATMO_DATA_DIR-no}")
    assert done.text == f"{done.job.run_id}\n0 no\n"


def test_the_protocol_of_an_outer_run_does_not_leak_in(place: Place):
    outer = {"DATMO_RUN_ID": "0" * 40, "DATMO_TASK_DIR": "/outer", "DATMO_DATA_DIR": "/outer"}
    done = place.shell(
        "echo $DATMO_RUN_ID $DATMO_TASK_DIR ${DATMO_DATA_DIR-no}", environ={**os.environ, **outer}
    )
    assert done.text.startswith(f"{done.job.run_id} ")
    assert "/outer" not in done.text


def test_python_does_not_hold_its_output_back(place: Place):
    asked = "import os; print(os.environ['PYTHONUNBUFFERED'])"
    assert place.python(asked).text == "1\n"
    assert place.python(asked, variables={"PYTHONUNBUFFERED": ""}).text == "\n"


def test_it_starts_at_the_top_of_the_tree(place: Place):
    assert place.shell("cat here.txt", files={"here.txt": "top"}).text == "top"


def test_it_starts_in_the_folder_it_is_told(place: Place):
    files = {"here.txt": "top", "sub/fol der/here.txt": "below"}
    done = place.shell("cat here.txt; echo x >made", files=files, folder="sub/fol der")
    assert done.text == "below"
    assert done.files["sub/fol der/made"] == b"x\n"


def test_a_folder_that_is_not_there(place: Place):
    job = place.job("true", folder="no/such")
    with pytest.raises(PathDoesNotExist, match="no/such"):
        place.start(job)


def test_input_is_empty(place: Place):
    assert place.shell("cat; echo end").text == "end\n"


def test_what_it_writes_is_there_afterwards(place: Place):
    files = {"same.txt": "same", "code.py": "old", "gone.txt": "x", "moved.txt": "m", "d/in": "1"}
    done = place.shell(
        "echo new >code.py; rm gone.txt; mv moved.txt d/; mkdir -p e/f; echo z >e/f/z;"
        "printf ' ' >>d/in; printf 'x' >'odd \\ name é'",
        files=files,
    )
    assert done.end.exit_code == 0
    assert done.files == {
        "same.txt": b"same",
        "code.py": b"new\n",
        "d/moved.txt": b"m",
        "d/in": b"1 ",
        "e/f/z": b"z\n",
        "odd \\ name é": b"x",
    }


def test_a_folder_made_anew_is_not_filled_with_the_old(place: Place):
    files = {"data/a": "1", "data/b": "2", "whole/c": "3", "whole/d/e": "4"}
    done = place.shell("rm -r data whole; mkdir data; echo 5 >data/new; echo f >whole", files=files)
    assert done.files == {"data/new": b"5\n", "whole": b"f\n"}


def test_two_jobs_do_not_see_each_other(place: Place):
    one, two = (place.job("sh", "-c", f"sleep .3; echo {n} >made; ls") for n in "12")
    processes = [place.start(one), place.start(two)]
    done = [place.finish(job, process) for job, process in zip((one, two), processes, strict=True)]
    assert [outcome.files for outcome in done] == [{"made": b"1\n"}, {"made": b"2\n"}]


def test_in_place_it_works_in_the_tree_itself(place: Place):
    job = place.job("sh", "-c", "echo new >code.py; rm gone", in_place=True)
    (job.tree / "code.py").write_text("old")
    (job.tree / "gone").write_text("")
    place.finish(job, place.start(job))
    assert (job.tree / "code.py").read_text() == "new\n"
    assert not (job.tree / "gone").exists()


def test_the_task_folder_is_for_reading_and_writing(place: Place):
    job = place.job("sh", "-c", 'cd "$DATMO_TASK_DIR"; cat given; mkdir d; echo 1 >d/stats.json')
    (job.task / "given").write_text("given")
    done = place.finish(job, place.start(job))
    assert done.text == "given"
    assert (job.task / "d" / "stats.json").read_text() == "1\n"


def test_data_is_mounted_by_name(place: Place, tmp_path: Path):
    folder, file = tmp_path / "some data:1", tmp_path / "one.csv"
    folder.mkdir()
    (folder / "in").write_text("folder ")
    file.write_text("file")
    job = place.job(
        *("sh", "-c", 'cd "$DATMO_DATA_DIR"; ls; cat set/in one; echo more >set/out'),
        mounts=(Mount(folder, "set"), Mount(file, "one")),
    )
    done = place.finish(job, place.start(job))
    assert done.text == "one\nset\nfolder file"
    assert (folder / "out").read_text() == "more\n"
    assert file.read_text() == "file"
    assert done.files == {}


def test_data_that_is_missing_is_refused(place: Place, tmp_path: Path):
    job = place.job("true", mounts=(Mount(tmp_path / "no such", "set"),))
    with pytest.raises(PathDoesNotExist, match="no such"):
        place.prepare(job)
    assert not (tmp_path / "no such").exists()


def test_a_link_shows_a_folder_in_the_tree(place: Place, tmp_path: Path):
    source = tmp_path / "shared data"
    source.mkdir()
    (source / "big.bin").write_bytes(b"shared")
    links = (Link(source, "data/raw"), Link(source, "top"))
    job = place.job("sh", "-c", "cat data/raw/big.bin top/big.bin data/own", links=links)
    (job.tree / "data").mkdir()
    (job.tree / "data" / "own").write_text(" own")
    assert place.finish(job, place.start(job)).text == "sharedshared own"
    assert (source / "big.bin").read_bytes() == b"shared"
    assert not (job.tree / "top").is_symlink()


def test_waiting_takes_no_longer_than_it_was_told(place: Place):
    job = place.job("sleep", "60")
    process = place.start(job)
    began = time.monotonic()
    assert process.wait(0.2) is None
    assert 0.15 < time.monotonic() - began < 2
    process.stop(5)
    place.finish(job, process)


def test_the_end_stays_the_end(place: Place):
    job = place.job("sh", "-c", "exit 3")
    process = place.start(job)
    first = process.wait(60)
    assert first is not None
    assert (first, first.exit_code) == (process.wait(0), 3)
    process.stop(1)
    process.interrupt()
    assert process.wait(0) == first
    place.finish(job, process)


def test_odd_paths(place: Place):
    odd = replace(place, root=place.root / ODD)
    done = odd.run("cat", f"./{ODD}.txt", files={f"{ODD}/{ODD}.txt": "odd"}, folder=ODD)
    assert done.text == "odd"
    done = odd.shell("echo made >'-n ew'; rm unchanged", files={"unchanged": "u"})
    assert done.files == {"-n ew": b"made\n"}
