"""What a workspace needs on top of an environment: a layer over its image, a step after its own."""

from __future__ import annotations

from hashlib import sha256

from git_datmo.model.frozen import frozen
from git_datmo.model.workspace import JUPYTERLAB, NOTEBOOK, RSTUDIO

# The distribution that brings each server, and the program that it installs.
PACKAGES = {NOTEBOOK: "notebook", JUPYTERLAB: "jupyterlab"}
PROGRAMS = {NOTEBOOK: "jupyter-notebook", JUPYTERLAB: "jupyter-lab", RSTUDIO: "rserver"}
PLACE = "/opt/git-datmo"

# An environment's Python may come without pip: then another one's, or another tool, installs.
_INSTALL = """\
#!/bin/sh
# Installs $2, which brings the program $1, into the environment of this image.
command -v "$1" >/dev/null && exit 0
export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
export PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
python=$(command -v python3 || command -v python)
if [ -z "$python" ]; then
    echo "this image has no Python for $2" >&2
    exit 1
fi
"$python" -m pip --version >/dev/null 2>&1 && exec "$python" -m pip install "$2"
for other in /usr/local/bin/python3 /usr/bin/python3; do
    if "$other" -m pip --version >/dev/null 2>&1; then
        exec "$other" -m pip --python "$python" install "$2"
    fi
done
command -v uv >/dev/null && exec uv pip install --python "$python" "$2"
if command -v micromamba >/dev/null; then
    exec micromamba install --yes --name base --channel conda-forge "$2"
fi
echo "this image has no pip to install $2 with" >&2
exit 1
"""

_HAS_RSERVER = """\
#!/bin/sh
# Sees that this image has RStudio's server, and a name for who will use it.
PATH=$PATH:/usr/lib/rstudio-server/bin
if ! command -v rserver >/dev/null; then
    echo "this image has no RStudio server: start from one that has, such as rocker/rstudio" >&2
    exit 1
fi
if ! getent passwd "$1" >/dev/null; then
    echo "rstudio-user:x:$1:$2::/tmp:/bin/sh" >>/etc/passwd
fi
"""

# The server asks a program whether a name and a password, on its standard input, are right.
RSTUDIO_START = """\
#!/bin/sh
# Starts RStudio's server on address $1 and port $2; PASSWORD is what its page asks for.
PATH=$PATH:/usr/lib/rstudio-server/bin
export USER="$(id -un)"
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cat >"$room/check" <<'END'
#!/bin/sh
IFS='' read -r given
[ "$USER" = "$1" ] && [ -n "$PASSWORD" ] && [ "$PASSWORD" = "$given" ]
END
chmod 700 "$room/check"
printf 'provider=sqlite\\ndirectory=%s\\n' "$room" >"$room/database.conf"
rserver --server-daemonize=0 --www-address="$1" --www-port="$2" --auth-none=0 \\
    --auth-pam-helper-path="$room/check" --auth-minimum-user-id=0 --server-user="$USER" \\
    --server-data-dir="$room" --secure-cookie-key-file="$room/cookie-key" \\
    --database-config-file="$room/database.conf" &
server=$!
trap 'kill "$server"; wait "$server"; exit 0' TERM INT
wait "$server"
"""


@frozen
class Layer:
    """A build context over an image; `key` is the same for the same context."""

    key: str
    context: tuple[tuple[str, bytes], ...]


def layer(kind: str, image: str, *, user: tuple[int, int]) -> Layer:
    """What adds the server of a workspace to an image. `user` is the uid and gid it will have."""
    if kind == RSTUDIO:
        words = [str(number) for number in user]
        files = {"install.sh": _HAS_RSERVER, "start.sh": RSTUDIO_START}
    else:
        words = [PROGRAMS[kind], PACKAGES[kind]]
        files = {"install.sh": _INSTALL}
    lines = [
        f"FROM {image}",
        "USER root",
        f"COPY {' '.join(files)} {PLACE}/",
        f"RUN sh {PLACE}/install.sh {' '.join(words)}",
    ]
    files["Dockerfile"] = "\n".join(lines) + "\n"
    context = tuple((path, text.encode()) for path, text in sorted(files.items()))
    digest = sha256(repr(context).encode()).hexdigest()
    return Layer(f"{digest[:12]}-{kind}", context)


def step(kind: str) -> tuple[str, ...]:
    """The installation step that a virtual environment needs after its own."""
    return ("{python}", "-m", "pip", "install", PACKAGES[kind])
