"""Whether the kernel has killed for memory: its counter, read before and after a job."""

from __future__ import annotations

from contextlib import suppress


def kills() -> int | None:
    """How many processes of this machine the kernel has killed for memory; None: not known.

    The counter is the machine's, so it tells only that it happened, not to whom.
    """
    with suppress(OSError, ValueError):
        with open("/proc/vmstat", "rb") as file:
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    return None
