"""Removing what an overlay leaves in its work folder: it belongs to the engine's root.

The kernel keeps a mark there once a task has removed something. Nobody but the engine can take it
away, and without that the user could not even remove the clone.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.runners.docker import tape

if TYPE_CHECKING:
    from docker import APIClient

INSIDE = "/swept"


def sweep(client: APIClient, image: str, folder: Path) -> None:
    """Remove `folder` with all that is in it. Raises what the SDK raises, and OSError."""
    from docker.types import Mount

    mount = Mount(INSIDE, str(folder.parent.resolve()), type="bind")
    host = client.create_host_config(mounts=[mount], network_mode="none")
    # Never started: a file that is put in a folder's place makes the engine remove the folder.
    made = client.create_container(image, ["true"], host_config=host, use_config_proxy=False)
    try:
        info = tarfile.TarInfo(folder.name)
        data = info.tobuf(tarfile.PAX_FORMAT) + tape.END
        client.put_archive(made["Id"], INSIDE, data)
    finally:
        client.remove_container(made["Id"], v=True, force=True)
    folder.unlink()
