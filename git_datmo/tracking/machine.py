"""What a running program knows of itself: its Python, what it imported, what it was started as."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# What a reader of results asks for, and by what name the frameworks among them are known.
PACKAGES = (
    *(
        "numpy",
        "scipy",
        "pandas",
        "polars",
        "pyarrow",
        "sklearn",
        "xgboost",
        "lightgbm",
        "catboost",
    ),
    *(
        "torch",
        "torchvision",
        "torchaudio",
        "lightning",
        "pytorch_lightning",
        "tensorflow",
        "keras",
    ),
    *("jax", "flax", "optax", "transformers", "datasets", "accelerate", "diffusers", "horovod"),
    *("deepspeed", "ray", "optuna", "gym", "gymnasium", "PIL", "cv2", "matplotlib", "mxnet"),
)
FRAMEWORKS = {
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "mxnet": "MXNet",
    "sklearn": "scikit-learn",
}


def about() -> dict[str, Any]:
    """Its Python, and the known packages that it has imported so far with their versions."""
    packages = {}
    for name in PACKAGES:
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        if isinstance(version, str):
            # torch's is a class of its own, which nothing that is written can be.
            packages[name] = str.__str__(version)
    found: dict[str, Any] = {"python": ".".join(map(str, sys.version_info[:3]))}
    if packages:
        found["packages"] = packages
        used = [title for name, title in FRAMEWORKS.items() if name in packages]
        if used:
            found["framework"] = ", ".join(used)
    return found


def entrypoint(home: Path | None) -> str | None:
    """The script that was started, as a path from `home` on where it lies below that.

    None where there is none: a notebook, `python -c`.
    """
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(main, str):
        return None
    path = os.path.realpath(main)
    if home is not None:
        top = os.path.realpath(home) + os.sep
        path = path.removeprefix(top)
    return path


def interactive() -> bool:
    """Whether errors end a cell and not the program."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules


def command(folder: Path) -> tuple[str, ...]:
    """How this program was started, as it can be started again elsewhere; nothing when it was
    not started in `folder`, or was not read from a file."""
    words = getattr(sys, "orig_argv", [])
    if (
        interactive()
        or "-" in words[1:2]
        or len(words) < 2
        or folder.resolve() != Path.cwd().resolve()
    ):
        return ()
    top = f"{Path.cwd()}{os.sep}"
    return (os.path.basename(words[0]), *(word.removeprefix(top) for word in words[1:]))
