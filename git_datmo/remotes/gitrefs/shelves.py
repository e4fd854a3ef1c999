"""What the writers' lists say lies at a server, and the trees that keep it there.

`refs/datmo-store/<writer>/data` points to a tree that holds every chunk its list names, and
nothing else: `<id[:2]>/<id[2:]>`. The tree follows from the list. So a server that has the tree
has every chunk, whoever lists them; and a push needs no chunk here that the server has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitrefs.chunks import Chunk, chunks_of, total
from git_datmo.remotes.gitwire import Change, Scratch
from git_datmo.remotes.ledger import ROOT, Line, Lines, Writer

Trees = dict[str, list[str]]


class Shelf:
    """One writer's content: `parts` is what its list says of each, whole or begun."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.parts: dict[Pointer, tuple[Chunk, ...]] = {}
        for pointer, line in writer.lines.items():
            chunks = chunks_of(line)
            if chunks is not None:
                self.parts[pointer] = chunks
        self.sure = writer.data == tree_of(self.oids())

    def whole(self, pointer: Pointer) -> tuple[Chunk, ...] | None:
        """The chunks of content that is listed whole."""
        chunks = self.parts.get(pointer)
        return chunks if chunks is not None and total(chunks) == pointer.size else None

    def chunks(self) -> Iterator[Chunk]:
        """Every chunk, as often as it is listed."""
        for chunks in self.parts.values():
            yield from chunks

    def oids(self) -> set[str]:
        """The ids of the chunks."""
        return {chunk.oid for chunk in self.chunks()}

    def ours(self) -> Lines:
        """The lines that are about chunks."""
        return {pointer: self.writer.lines[pointer] for pointer in self.parts}


def shelves(writers: Mapping[str, Writer]) -> dict[str, Shelf]:
    """A shelf for every writer."""
    return {name: Shelf(writer) for name, writer in writers.items()}


def found(held: Iterable[Shelf]) -> dict[Pointer, Line]:
    """What is surely there and whole: the newest line for each content."""
    newest: dict[Pointer, Line] = {}
    for shelf in held:
        for pointer in shelf.parts if shelf.sure else ():
            line = shelf.writer.lines[pointer]
            known = newest.get(pointer)
            if shelf.whole(pointer) is not None and (known is None or known.at < line.at):
                newest[pointer] = line
    return newest


def used(held: Iterable[Shelf]) -> int:
    """The bytes that all chunks take at the server, each counted once."""
    sizes = {chunk.oid: chunk.size for shelf in held for chunk in shelf.chunks()}
    return sum(sizes.values())


def tree_of(oids: Iterable[str]) -> str | None:
    """The id of the tree that holds these chunks; None for no chunk."""
    trees = _trees(oids)
    if not trees:
        return None
    root = b""
    for name, leaves in sorted(trees.items()):
        entries = (b"100644 %s\0%s" % (o[2:].encode(), bytes.fromhex(o)) for o in leaves)
        root += b"40000 %s\0%s" % (name.encode(), bytes.fromhex(_tree_id(b"".join(entries))))
    return _tree_id(root)


def write_tree(scratch: Scratch, oids: Iterable[str]) -> str | None:
    """Write that tree, of chunks that need not be here; its id."""
    trees = _trees(oids)
    if not trees:
        return None
    texts = ("".join(f"100644 blob {o}\t{o[2:]}\n" for o in leaves) for leaves in trees.values())
    made = scratch.run("mktree", "--missing", "--batch", data="\n".join(texts).encode()).split()
    root = "".join(f"040000 tree {o.decode()}\t{n}\n" for n, o in zip(trees, made, strict=True))
    return scratch.run("mktree", "--missing", data=root.encode()).decode().strip()


def move(scratch: Scratch, writer: Writer, oids: Iterable[str]) -> Change:
    """What to push so that a writer's tree holds these chunks."""
    return Change(f"{ROOT}{writer.name}/data", writer.data, write_tree(scratch, oids))


def _trees(oids: Iterable[str]) -> Trees:
    trees: Trees = {}
    for oid in sorted(set(oids)):
        trees.setdefault(oid[:2], []).append(oid)
    return trees


def _tree_id(data: bytes) -> str:
    return hashlib.sha1(b"tree %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
