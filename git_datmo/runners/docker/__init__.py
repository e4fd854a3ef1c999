"""Tasks in containers of a Docker engine. Only this room imports the docker SDK, and late."""
