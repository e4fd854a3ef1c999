"""Links of strangers' folders: what leads out of one, by however many others."""

import pytest

from git_datmo.storage.links import leads_out

INSIDE = {
    b"plain": b"x/y",
    b"x/top": b"..",
    b"x/gone": b"../not/there",
    b"x/y/far": b"../../x/../plain",
    b"x/y/up": b"../..",
    b"x/y/through": b"up/x/y/../../plain",
    b"one": b"two",
    b"two": b"one/..",
}
OUTSIDE = {
    b"x/y/out": b"up/../secret",
    b"x/y/more": b"through/../../../..",
    b"x/root": b"/etc",
    b"x/y/indirect": b"../root/passwd",
    b"up": b"..",
    b"long": b"a/" * 3000,
    b"huge": b"a/../" * 1_000_000,
}


@pytest.mark.parametrize("path", INSIDE)
def test_what_stays_inside(path: bytes) -> None:
    assert not leads_out(path, INSIDE | OUTSIDE)


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_leads_out(path: bytes) -> None:
    assert leads_out(path, INSIDE | OUTSIDE)
