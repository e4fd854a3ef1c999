"""What lies at a place that cannot be asked by our own names: one list per writer, in git refs.

`refs/datmo-store/<writer>/list` is a commit without parents whose tree holds one file, `list`:
JSON lines `{"key": …, "blake3": …, "size": …, "at": …, …}`, `at` in seconds. The rest of a line
is the place's own. Each writer replaces only its own list, with a lease. Lists come from
strangers: what does not parse strictly is passed over.
"""
