"""ui: from the command to a browser that is let in, and to the end."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from tests.kit.git import Repo
from tests.kit.pages import Pages
from tests.kit.program import datmo

# It copies what it is given: the address of a file, and that file.
BROWSER = """#!/bin/sh
echo "$1" >"{seen}"
cp -p "${{1#file://}}" "{seen}.page"
mv "{seen}.page" "{seen}.html"
"""


def browser(folder: Path, name: str) -> tuple[Path, Path]:
    """A program that stands for a browser, and the file that it writes its address to."""
    seen = folder / f"{name}.seen"
    program = folder / name
    program.write_text(BROWSER.format(seen=seen))
    program.chmod(0o755)
    return program, seen


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"nothing wrote {path.name}"
        time.sleep(0.02)
    return path.read_text()


@pytest.mark.parametrize("command", ["ui", "dashboard"])
def test_a_link_for_one_browser_until_it_is_interrupted(project: Repo, command: str):
    with Pages(project.path, command=command) as pages:
        assert len(pages.token) >= 43, "256 bits"
        assert pages.ask("/").status == 403
        pages.enter()
        assert "No run yet" in pages.get("/").text
        assert pages.ask(f"/enter?token={pages.token}", cookie="").status == 403
        code, said = pages.stop()
    assert code == 0
    assert "Ctrl-C ends" in said
    assert "the pages are closed" in said
    assert "Traceback" not in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", pages.port), timeout=5)


def test_the_port_that_was_asked_for_or_none(project: Repo):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        other.listen()
        done = datmo("ui", "--no-browser", "--port", str(port), check=False)
    assert (done.code, done.stdout) == (4, "")
    assert f"port {port}" in done.stderr
    assert "hint:" in done.stderr
    with Pages(project.path, "--no-browser", "--port", str(port)) as pages:
        assert pages.port == port


def test_the_browser_gets_a_file_that_only_its_owner_reads(project: Repo, tmp_path: Path):
    program, seen = browser(tmp_path, "fox")
    with Pages(project.path, "--port", "0", env={"BROWSER": str(program)}) as pages:
        page = wait_for(seen.with_name("fox.seen.html"))
        assert pages.link in page
        address = seen.read_text().strip()
        assert address.startswith("file:///")
        assert pages.token not in address
        door = Path(address.removeprefix("file://"))
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        code, _ = pages.stop(signal.SIGTERM)
    assert code == 143
    assert not door.exists()


def test_where_there_are_no_windows_nothing_is_opened(project: Repo, tmp_path: Path):
    names = ("xdg-open", "www-browser", "w3m", "lynx", "links", "firefox")
    folder = tmp_path / "bin"
    folder.mkdir()
    seen = [browser(folder, name)[1] for name in names]
    gone = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "BROWSER": None}
    env = {
        **gone,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SSH_CONNECTION": "10.0.0.1 22 10.0.0.2 22",
    }
    with Pages(project.path, "--port", "0", env=env) as pages:
        pages.enter()
        pages.get("/")
        _, said = pages.stop()
    assert f"ssh -N -L {pages.port}:127.0.0.1:{pages.port}" in said
    assert not any(path.exists() for path in seen)


def test_what_is_no_project_has_no_pages(repo: Repo, tmp_path: Path):
    done = datmo("ui", "--no-browser", check=False)
    assert (done.code, done.stdout) == (3, "")
    assert re.search(r"hint: .*git datmo init", done.stderr)
    outside = tmp_path / "outside"
    outside.mkdir()
    assert datmo("ui", "--no-browser", cwd=outside, check=False).code == 128


def test_without_the_extra_it_says_how_to_get_it(project: Repo, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'starlette' else find(name, *more)\n"
    )
    done = datmo("ui", "--no-browser", env={"PYTHONPATH": str(tmp_path)}, check=False)
    assert (done.code, done.stdout) == (4, "")
    assert "not installed: starlette" in done.stderr
    assert "hint: pip install 'git-datmo[ui]'" in done.stderr
