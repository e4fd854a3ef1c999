"""One option of a command, given another value where it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from git_datmo.errors import ValidationFailed
from git_datmo.model.frozen import frozen

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_FLAG = re.compile(r"(?P<dashes>--?)(?P<name>[A-Za-z][^\s=]*)(?P<value>=.*)?", re.DOTALL)
_PAIR = re.compile(r"(?P<plus>\+{0,2})(?P<name>[A-Za-z_][\w.@/-]*)=(?P<value>.*)", re.DOTALL)
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|-?inf|-?nan")
_SPACE = " \t\r"
_OPERATORS = "\n;&|()<>"


@frozen
class Word:
    """A word of a command: what the program gets, and where in the shell's text it is written."""

    text: str
    start: int = 0
    end: int = 0


@frozen
class Option:
    """An option as it stands in a command.

    `index` is that of the word which has its value: after `lead`, the part of that word before
    the value. A `bare` one has no value, and `negated` is one like `--no-shuffle`.
    """

    name: str
    flag: str
    index: int
    value: str = ""
    lead: str = ""
    bare: bool = False
    negated: bool = False


def options(words: Sequence[Word | None]) -> Iterator[Option]:
    """Yield every option: `--name value`, `--name=value`, `name=value`, and `--name` alone."""
    for index, word in enumerate(words):
        if word is None:
            continue
        if flag := _FLAG.fullmatch(word.text):
            name, spelled = flag["name"], flag["dashes"] + flag["name"]
            following = words[index + 1] if index + 1 < len(words) else None
            if flag["value"] is not None:
                lead = spelled + "="
                yield Option(name, spelled, index, flag["value"][1:], lead)
            elif following is not None and _is_value(following.text):
                yield Option(name, spelled, index + 1, following.text)
            else:
                negated = name.startswith(("no-", "no_"))
                yield Option(name, spelled, index, bare=True, negated=negated)
        elif (pair := _PAIR.fullmatch(word.text)) and not _is_code(words, index):
            lead = f"{pair['plus']}{pair['name']}="
            yield Option(pair["name"], pair["name"], index, pair["value"], lead)


def put(argv: Sequence[str], key: str, value: str) -> tuple[tuple[str, ...], str] | None:
    """Give the option `key` another value: the command then, and the value before.

    `-` and `_` in names are one. A command that a shell runs is changed inside its text. None:
    the command has no such option. Raises ValidationFailed when it stands there several times, or
    takes no value and `value` is neither true nor false.
    """
    place = script(argv)
    words = _plain_words(argv, place)
    found = _find(words, key, value)
    if found is not None:
        edited = _edit(words, found, value)
        kept = (
            argv[index] if new is None else new.text
            for index, (old, new) in enumerate(zip(words, edited, strict=True))
            if old is None or new is not None
        )
        return tuple(kept), _before(found)

    if place is None:
        return None
    text = argv[place]
    inside = read(text)
    found = _find(inside, key, value)
    if found is None:
        return None
    old = inside[found.index]
    assert old is not None, "an option is a word"
    new = _edit(inside, found, value)[found.index]
    tail = text[old.end :] if new is not None else text[old.end :].removeprefix(" ")
    changed = text[: old.start] + ("" if new is None else shlex.quote(new.text)) + tail
    return (*argv[:place], changed, *argv[place + 1 :]), _before(found)


def names(argv: Sequence[str]) -> list[str]:
    """The options that the command has, as they are spelled there."""
    place = script(argv)
    words = _plain_words(argv, place)
    inside = read(argv[place]) if place is not None else []
    return list(dict.fromkeys(option.flag for part in (words, inside) for option in options(part)))


def _plain_words(argv: Sequence[str], place: int | None) -> list[Word | None]:
    """The command's words, without the program's name and what a shell reads."""
    unread = {0} if place is None else {0, place - 2, place - 1, place}
    return [None if index in unread else Word(word) for index, word in enumerate(argv)]


def script(argv: Sequence[str]) -> int | None:
    """Which word of the command is a shell's program: what follows `sh -c`."""
    for index in range(len(argv) - 2):
        shell = PurePosixPath(argv[index]).name in SHELLS
        if shell and re.fullmatch(r"-[a-z]*c", argv[index + 1]):
            return index + 2
    return None


def read(text: str) -> list[Word | None]:
    """The words of a shell's text; None stands for whatever ends a command or redirects it.

    Expansions are left as they are written. A text that is not understood has no words.
    """
    words: list[Word | None] = []
    place = 0
    while place < len(text):
        character = text[place]
        if character in _SPACE:
            place += 1
        elif text.startswith("<<", place):
            return []  # What follows on the next lines is no command.
        elif character in _OPERATORS:
            words.append(None)
            place += 1
        elif character == "#":
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        else:
            end = _word_end(text, place)
            try:
                parts = shlex.split(text[place:end], posix=True)
            except ValueError:
                return []
            words.append(Word(" ".join(parts), place, end))
            place = end
    return words


def _word_end(text: str, place: int) -> int:
    while place < len(text) and text[place] not in _SPACE + _OPERATORS:
        character = text[place]
        if character == "\\":
            place += 2
        elif character in "'\"`":
            place = _closing(text, place + 1, character)
        elif text.startswith(("$(", "${"), place):
            place = _closing(text, place + 2, ")" if text[place + 1] == "(" else "}")
        else:
            place += 1
    return min(place, len(text))


def _closing(text: str, place: int, closer: str) -> int:
    while place < len(text):
        character = text[place]
        if character == closer:
            return place + 1
        if character == "\\" and closer != "'":
            place += 2
        elif closer in ")}" and text.startswith(("$(", "${"), place):
            place = _closing(text, place + 2, ")" if text[place + 1] == "(" else "}")
        elif closer == ")" and character in "'\"":
            place = _closing(text, place + 1, character)
        elif closer == '"' and text.startswith("$(", place):
            place = _closing(text, place + 2, ")")
        else:
            place += 1
    return len(text)


def _find(words: Sequence[Word | None], key: str, value: str) -> Option | None:
    wanted = _plain(key)
    found = []
    for option in options(words):
        name = _plain(option.name)
        if name == wanted or (option.negated and name == f"no-{wanted}"):
            found.append(option)
    if len(found) > 1:
        raise ValidationFailed(
            f"{found[0].flag} stands {len(found)} times in the command",
            hint="run the command anew, as it should be",
        )
    if found:
        _check_switch(found[0], value)
    if found and found[0].bare and value.lower() not in _TRUE | _FALSE:
        raise ValidationFailed(
            f"{found[0].flag} has no value in the command, so it can be true or false only"
        )
    return found[0] if found else None


def _check_switch(option: Option, value: str) -> None:
    """Refuse to guess whether the word after an option is its value, or the option is a switch."""
    if option.bare or option.lead or value.lower() not in ("true", "false"):
        return
    if option.value.lower() in _TRUE | _FALSE or _NUMBER.fullmatch(option.value.lstrip("-+")):
        return
    raise ValidationFailed(
        f"it cannot be told whether '{option.value}' is the value of {option.flag}",
        hint="run the command anew, as it should be",
    )


def _edit(words: Sequence[Word | None], option: Option, value: str) -> list[Word | None]:
    word = words[option.index]
    assert word is not None, "an option is a word"
    edited = list(words)
    if not option.bare:
        edited[option.index] = replace(word, text=option.lead + value)
    elif (value.lower() in _TRUE) == option.negated:
        positive = re.sub(r"^(--?)no[-_]", r"\1", word.text)
        edited[option.index] = replace(word, text=positive) if option.negated else None
    return edited


def _before(option: Option) -> str:
    return str(not option.negated).lower() if option.bare else option.value


def _is_code(words: Sequence[Word | None], index: int) -> bool:
    """Whether a word is a program, as after `python -c`, that only begins like `name=value`."""
    word, before = words[index], words[index - 1] if index else None
    if word is None or before is None or before.text not in ("-c", "-e", "--eval"):
        return False
    return bool(re.search(r"[\s;()]", word.text))


def _is_value(text: str) -> bool:
    return not text.startswith("-") or text == "-" or bool(_NUMBER.fullmatch(text))


def _plain(name: str) -> str:
    return name.replace("_", "-")
