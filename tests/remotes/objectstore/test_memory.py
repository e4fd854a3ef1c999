"""Memory stays flat in the size of files, both ways."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.remotes.objectstore.layout import MIB
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, some
from tests.kit.seaweed import Shelf

LIMIT = 200 * 10**6
MOVE = """
import sys
from pathlib import Path
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
way, folder, url, *rest = sys.argv[1:]
pointers = [Pointer(*one.split()[:2], int(one.split()[2])) for one in rest]
place = ObjectStore(url)
if way == "put":
    place.put(Store(Path(folder)), pointers, lambda count: None)
else:
    assert place.get(Store(Path(folder)), pointers, lambda count: None) == {}
# getrusage would count what the process had before this program was started in it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc elsewhere")
def test_memory(shelf: Shelf, here: Store, tmp_path: Path) -> None:
    sizes = [200 * MIB, 100 * MIB] + [8 * MIB] * 12 + [MIB] * 30
    contents = []
    for number, size in enumerate(sizes):
        contents += fill(here, number.to_bytes(8, "big") + some(1, MIB) * (size // MIB))
    words = [f"{p.key} {p.blake3} {p.size}" for p in contents]
    for way, store in (("put", here), ("get", Store(tmp_path / "elsewhere" / "store"))):
        peak = subprocess.run(
            [sys.executable, "-c", MOVE, way, str(store.folder), shelf.url, *words],
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(peak.stdout) * 1024 < LIMIT, f"{way}: {peak.stdout} KiB"
        assert store.missing(contents) == []
