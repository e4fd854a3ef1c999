"""The GPUs of this machine, and the variables that show a task only some of them."""

from __future__ import annotations

import re
from pathlib import Path

from git_datmo.errors import GPUSupportNotEnabled, ValidationFailed

DEVICES = Path("/dev")
NODE = re.compile(r"nvidia([0-9]+)")
RENDER = re.compile(r"renderD[0-9]+")
# By number, or as the drivers name them (`nvidia-smi -L`).
ID = re.compile(r"[0-9]+|(?:GPU|MIG)-[0-9A-Za-z/-]+")


def found(devices: Path = DEVICES) -> tuple[str, int]:
    """The maker and how many there are: `nvidia` or `amd`; ("", 0) where there is none."""
    names = [entry.name for entry in devices.iterdir()] if devices.is_dir() else []
    count = sum(1 for name in names if NODE.fullmatch(name))
    if count:
        return "nvidia", count
    # Only the compute driver of AMD has this node; each of its GPUs renders too.
    if "kfd" in names and (devices / "dri").is_dir():
        cards = [e.name for e in (devices / "dri").iterdir() if RENDER.fullmatch(e.name)]
        return ("amd", len(cards)) if cards else ("", 0)
    # Under WSL all GPUs of NVIDIA are behind one node; how many is not told.
    return ("nvidia", 1) if "dxg" in names else ("", 0)


def chosen(wish: str, devices: Path = DEVICES) -> dict[str, str]:
    """The variables that show a task the GPUs it was granted; none for `all`.

    `wish` is as in `Resources.gpus`. Raises GPUSupportNotEnabled when there are not as many
    here, and ValidationFailed for what is neither `all`, a number, nor ids.
    """
    maker, count = found(devices)
    if not count:
        raise GPUSupportNotEnabled(
            "a GPU was asked for, and this machine has none that can be seen",
            hint="run without --gpu, or on a machine whose driver is loaded",
        )
    wish = wish.strip()
    if wish == "all":
        return {}
    ids = wish.split(",")
    if len(ids) == 1 and wish.isascii() and wish.isdecimal():
        number = int(wish)
        if number < 1:
            raise ValidationFailed("the number of GPUs is at least 1")
        ids = [str(n) for n in range(number)]
        if number > count:
            raise GPUSupportNotEnabled(f"{number} GPUs were asked for, and {count} are here")
    ids = [id.strip() for id in ids if id.strip()]
    if not ids or not all(ID.fullmatch(id) for id in ids):
        raise ValidationFailed(
            f"{wish!r} names no GPUs", hint="give 'all', a number, or ids joined by commas"
        )
    missing = [id for id in ids if id.isdecimal() and int(id) >= count]
    if missing:
        raise GPUSupportNotEnabled(
            f"there is no GPU {missing[0]}: {count} are here, counted from 0"
        )
    shown = ",".join(ids)
    if maker == "amd":
        return {"HIP_VISIBLE_DEVICES": shown, "ROCR_VISIBLE_DEVICES": shown}
    # By the bus, as nvidia-smi counts; CUDA's own order puts the fastest first.
    return {"CUDA_VISIBLE_DEVICES": shown, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
