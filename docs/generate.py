"""Write what can be read off the commands themselves: the reference page and the man page.

    python docs/generate.py            write them
    python docs/generate.py --check    exit 1, naming the files, if they are out of date

The program's help texts are the source. The man page's last part is not: it is
docs/man/after-commands.roff, added as it is.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from git_datmo.cli.main import cli
from git_datmo.version import __version__

DOCS = Path(__file__).parent
PROGRAM = "git datmo"
WIDTH = 80
SUMMARY = "experiments as git objects: snapshots, runs and artifacts"
PAGE_HEAD = """\
<!-- Written by docs/generate.py. Change the help texts in git_datmo/cli/ instead. -->
# Commands

What `--help` says, for every command. Each command is one function of the Python package, and
each option one of its keywords.
"""
MAN_HEAD = rf"""
.SH NAME
git-datmo \- {SUMMARY}
.SH SYNOPSIS
.nf
\fBgit datmo\fR [\fB\-C\fR \fIDIR\fR] \fICOMMAND\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]
\fBgit datmo\fR \fICOMMAND\fR \fB\-h\fR
.fi
.SH DESCRIPTION
"""


@dataclass(frozen=True)
class Entry:
    """One command as it is typed: its words after `git datmo`, and click's view of it."""

    words: tuple[str, ...]
    command: click.Command
    context: click.Context
    first: tuple[str, ...]  # the words of the same command where it was met first

    @property
    def repeated(self) -> str | None:
        """Under which title the command was met before; None if it was not."""
        return None if self.first == self.words else " ".join((PROGRAM, *self.first))

    @property
    def title(self) -> str:
        return " ".join((PROGRAM, *self.words))

    @property
    def aliases(self) -> list[tuple[str, str]]:
        """(other name, name) of the commands of a group that have a second name."""
        return sorted(getattr(self.command, "aliases", {}).items())


def walk(
    command: click.Command,
    words: tuple[str, ...] = (),
    parent: click.Context | None = None,
    met: dict[click.Command, tuple[str, ...]] | None = None,
) -> Iterator[Entry]:
    """The command and all below it, parents first; hidden ones are left out."""
    met = {} if met is None else met
    name = words[-1] if words else PROGRAM
    settings = {**command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield Entry(words, command, context, met.setdefault(command, words))
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from walk(found, (*words, child), context, met)


def reference(entries: list[Entry]) -> str:
    """docs/reference/commands.md."""
    return "\n".join([PAGE_HEAD, *(section(entry) for entry in entries)])


def section(entry: Entry) -> str:
    heading = f"## {entry.title}\n"
    if entry.repeated is not None:
        anchor = entry.repeated.replace(" ", "-")
        return f"{heading}\nThe same as [{entry.repeated}](#{anchor}).\n"
    verb = getattr(entry.command, "verb", None)
    python = f"\nIn Python: `git_datmo.{verb}`\n" if verb else ""
    help_text = f"\n```text\n{entry.command.get_help(entry.context).rstrip()}\n```\n"
    names = ", ".join(f"`{alias}` for `{name}`" for alias, name in entry.aliases)
    return f"{heading}{python}{help_text}" + (f"\nOther names: {names}.\n" if names else "")


def man_page(entries: list[Entry]) -> str:
    """docs/man/git-datmo.1."""
    first, *rest = entries
    lines = [
        r".\" Written by docs/generate.py. Change the help texts in git_datmo/cli/ instead.",
        f'.TH GIT\\-DATMO 1 "" "git\\-datmo {__version__}" "git\\-datmo"',
        MAN_HEAD.strip(),
        *paragraphs(first.command.help or ""),
        ".SH OPTIONS",
        *options(first),
        ".SH COMMANDS",
        *(line for entry in rest for line in man_command(entry)),
        (DOCS / "man" / "after-commands.roff").read_text().rstrip(),
    ]
    return "\n".join(lines) + "\n"


def man_command(entry: Entry) -> Iterator[str]:
    usage = " ".join(entry.command.collect_usage_pieces(entry.context))
    yield f".SS {roff(f'{entry.title} {usage}')}"
    if entry.repeated is not None:
        yield from (".PP", rf"The same as \fB{roff(entry.repeated)}\fR.")
        return
    yield from paragraphs(entry.command.help or "")
    yield from options(entry)
    if entry.aliases:
        names = (rf"\fB{roff(alias)}\fR for \fB{roff(name)}\fR" for alias, name in entry.aliases)
        yield from (".PP", f"Other names: {', '.join(names)}.")


def options(entry: Entry) -> Iterator[str]:
    """A tagged paragraph for each option but --help, which every command has."""
    for parameter in entry.command.get_params(entry.context):
        record = parameter.get_help_record(entry.context)
        if record is not None and "--help" not in parameter.opts:
            yield from (".TP", f"\\fB{roff(record[0])}\\fR", roff(record[1]) or r"\&")


def paragraphs(text: str) -> Iterator[str]:
    """Help text as roff; what click leaves unwrapped (after a \\b line) stays unwrapped."""
    text = inspect.cleandoc(text).partition("\f")[0].rstrip()
    for paragraph in text.split("\n\n") if text else ():
        yield ".PP"
        lines = paragraph.splitlines()
        if lines[0] == "\b":
            yield from (".nf", *(roff(line) or r"\&" for line in lines[1:]), ".fi")
        else:
            yield from (roff(line) for line in lines)


def roff(text: str) -> str:
    """Text that roff prints as it is, on one line."""
    text = " ".join(text.splitlines()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    check = parser.parse_args().check
    entries = list(walk(cli))
    pages = {
        DOCS / "reference" / "commands.md": reference(entries),
        DOCS / "man" / "git-datmo.1": man_page(entries),
    }
    stale = [file for file, text in pages.items() if not file.exists() or file.read_text() != text]
    for file in stale:
        if check:
            print(f"{file.relative_to(DOCS.parent)} is out of date: run docs/generate.py")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(pages[file])
            print(f"wrote {file.relative_to(DOCS.parent)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
