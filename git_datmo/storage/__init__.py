"""Bytes and git: objects, refs, notes, the work tree, the content store, the index.

Nothing here has heard of a snapshot. pygit2, xxhash and blake3 are imported in this package
only, and only when first needed.
"""
