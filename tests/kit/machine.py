"""A container image made of this machine: its Python, a shell and git, no registry needed."""

from __future__ import annotations

import glob
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = (
    *("sh", "bash", "env", "sed", "grep", "find", "xargs", "tar", "gzip", "git"),
    *("cat", "chmod", "cp", "cut", "dd", "echo", "false", "head", "id", "ln", "ls", "mkdir"),
    *("mkfifo", "mknod", "mv", "pwd", "rm", "rmdir", "seq", "sleep", "sort", "tail", "tee"),
    *("test", "touch", "tr", "true", "uname", "wc", "kill", "sync", "stat", "date", "yes", "stty"),
)
LIBRARIES = (
    *("libstdc++.so.6", "libgomp.so.1", "libgcc_s.so.1", "libatomic.so.1"),
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libnss_*.so.2"),
)
FILES = (
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/usr/lib/os-release",
)
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
FOLDERS = ("proc", "sys", "dev", "run", "var/tmp", "root", "home")
LEFT_OUT = ("test", "tests", "idlelib", "turtledemo", "__pycache__", "ensurepip", "lib2to3")
SITE = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


def settings() -> list[str]:
    """What the image says about itself, as `docker import --change` takes it."""
    path = f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    variables = {"PATH": path, "LANG": "C.UTF-8"}
    if Path(CERTIFICATES).exists():
        variables |= {"PIP_CERT": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
    words = " ".join(f"{name}={value}" for name, value in variables.items())
    return [f"ENV {words}", 'CMD ["/bin/sh"]']


def pack(target: Path) -> None:
    """Write the image's root directory to `target` as a tar."""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        packed: set[str] = set()
        for name in ("bin", "lib", "lib64", "sbin"):
            if os.path.islink(f"/{name}"):
                _add(tar, packed, f"/{name}")
        for path in _everything():
            _add(tar, packed, path)
        for name, mode in [(name, 0o755) for name in FOLDERS] + [("tmp", 0o1777)]:
            _folders(tar, packed, f"/{name}", mode)


def _everything() -> Iterator[str]:
    python, programs = list(_python()), [path for name in PROGRAMS if (path := shutil.which(name))]
    core = [str(file) for file in Path("/usr/lib/git-core").glob("*") if file.is_file()]
    binaries = [path for path in python if ".so" in path or "/bin/" in path]
    yield from python
    yield from programs
    yield from core
    yield from (path for path in (*FILES, CERTIFICATES) if os.path.exists(path))
    folders = {os.path.dirname(path) for path in _linked([shutil.which("sh") or "/bin/sh"])}
    stubs = [
        path for folder in folders for name in LIBRARIES for path in glob.glob(f"{folder}/{name}")
    ]
    more = [path for name in LIBRARIES[:4] for path in glob.glob(f"/usr/lib/*-linux-gnu/{name}")]
    yield from stubs
    yield from more
    yield from _linked([*binaries, *programs, *core, *stubs, *more])


def _python() -> Iterator[str]:
    """The interpreter and its library, without what no task needs."""
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        if os.path.exists(path := f"{sys.base_prefix}/bin/{name}"):
            yield path
    library = sysconfig.get_path("stdlib", vars={"base": sys.base_prefix})
    for folder, folders, files in os.walk(library):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            folders[:] = [name for name in folders if name.startswith(SITE)]
            files = [name for name in files if name in SITE]
        yield from (f"{folder}/{name}" for name in files if not name.endswith((".a", ".pyc")))


def _linked(binaries: list[str]) -> list[str]:
    """Every library that these are linked with."""
    found: set[str] = set()
    for start in range(0, len(binaries), 200):
        some = binaries[start : start + 200]
        listed = subprocess.run(["ldd", *some], capture_output=True, text=True).stdout
        found.update(re.findall(r"(?:=> |^\t)(/\S+) \(0x", listed, re.MULTILINE))
    return sorted(found)


def _add(tar: tarfile.TarFile, packed: set[str], path: str) -> None:
    """One file; where a part of its path is a link, the link and what it leads to."""
    folder, name = os.path.split(path)
    path = os.path.join(os.path.realpath(folder), name)
    if path in packed:
        return
    status = os.lstat(path)
    _folders(tar, packed, os.path.dirname(path), 0o755)
    packed.add(path)
    info = tarfile.TarInfo(path.lstrip("/"))
    info.mtime = int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
        tar.addfile(info)
        target = os.path.join(os.path.dirname(path), info.linkname)
        if os.path.isfile(target):
            _add(tar, packed, target)
        return
    info.mode, info.size = stat.S_IMODE(status.st_mode) & 0o755 | 0o444, status.st_size
    with open(path, "rb") as file:
        tar.addfile(info, file)


def _folders(tar: tarfile.TarFile, packed: set[str], path: str, mode: int) -> None:
    """A folder and those above it, each once."""
    if path in packed or path == "/":
        return
    _folders(tar, packed, os.path.dirname(path), 0o755)
    packed.add(path)
    info = tarfile.TarInfo(path.lstrip("/"))
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info, io.BytesIO())
