"""One value in the text of a JSON, YAML or TOML file, replaced where it stands.

Everything else stays byte for byte: comments, order, spaces. Whatever way the place is found,
the changed text is read again and must say what the old one said but for this one value; where
that cannot be had, the file is refused and not guessed at.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from git_datmo.errors import FileIOError, ValidationFailed
from git_datmo.model.diff import same

Keys = tuple[str, ...]

_BLANK = re.compile(r"[ \t\r\n]*")
_TABLE = re.compile(r"\s*\[(?!\[)(?P<name>[^\[\]]+)\]\s*(#.*)?")
_LINE = re.compile(r"(?P<lead>\s*(?P<name>[^\s=#\[][^=#]*?)\s*=\s*)(?P<rest>.*)")


def replace(path: str, data: bytes, document: dict[str, Any], keys: Keys, value: Any) -> bytes:
    """The file with another value at `keys`; `document` is what it says now.

    Raises ValidationFailed when the value cannot be put there without touching anything else.
    """
    mark, body = (data[:3], data[3:]) if data.startswith(b"\xef\xbb\xbf") else (b"", data)
    text = body.decode("utf-8")
    wanted = _with(document, keys, value)
    language = PurePosixPath(path).suffix.lower()
    spans = {".json": _json_spans, ".toml": _toml_spans}.get(language, _yaml_spans)
    spell = {".json": _json, ".toml": _toml}.get(language, _yaml)
    written = spell(value)
    for start, end in spans(text, keys):
        lead = " " if start == end and text[start - 1] == ":" else ""
        changed = text[:start] + lead + written + text[end:]
        if same(_read(language, changed), wanted):
            return mark + changed.encode("utf-8")
    raise ValidationFailed(
        f"{'.'.join(keys)} in {path} is not written in a way that can be changed alone",
        hint="change the file and run the command anew",
    )


def _with(document: dict[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    first, *rest = keys
    inner = _with(document[first], tuple(rest), value) if rest else value
    return {**document, first: inner}


def _read(language: str, text: str) -> Any:
    """What the text says; None when it is not in the language any more."""
    if language == ".json":
        try:
            return json.loads(text)
        except ValueError:
            return None
    if language == ".toml":
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return None
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _yaml(value: Any) -> str:
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").rstrip("\n")


def _toml(value: Any) -> str:
    if value is None:
        raise ValidationFailed("TOML has no null")
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        raise ValidationFailed("a list of dictionaries cannot be set in a TOML file")
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _json_spans(text: str, keys: Keys) -> Iterator[tuple[int, int]]:
    """Where the value at `keys` stands; of a doubled key the last one counts, as for readers."""
    scan = json.JSONDecoder().raw_decode
    start, end = _skip(text, 0), len(text)
    for key in keys:
        place = _skip(text, start + 1)
        found = None
        while text[place] != "}":
            name, place = scan(text, place)
            place = _skip(text, _skip(text, place) + 1)
            _, after = scan(text, place)
            if name == key:
                found = (place, after)
            place = _skip(text, after)
            if text[place] == ",":
                place = _skip(text, place + 1)
        if found is None:
            return
        start, end = found
    yield start, end


def _skip(text: str, place: int) -> int:
    blank = _BLANK.match(text, place)
    return blank.end() if blank else place


def _yaml_spans(text: str, keys: Keys) -> Iterator[tuple[int, int]]:
    import yaml

    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise FileIOError(f"not one YAML document: {error}") from error
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return
        pairs = [pair for pair in node.value if _yaml_key(pair[0]) == key]
        if not pairs:
            return  # It comes from a merge (`<<`), and so does not stand here.
        name, node = pairs[-1]
        # An alias is the node that it points to, which stands elsewhere and may have other users.
        if node.start_mark.index < name.end_mark.index:
            return
        between = text[name.end_mark.index : node.start_mark.index]
        if not re.fullmatch(r"\s*:(\s|#[^\n]*\n)*", between):
            return
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.SequenceNode) and (not node.flow_style or "#" in text[start:end]):
        return  # Comments between the items would go.
    if text[start : start + 1] not in ("&", "!", "*", "|", ">") or start == end:
        yield start, start + len(text[start:end].rstrip())


def _yaml_key(node: Any) -> str | None:
    return str(node.value) if isinstance(node.value, str) else None


def _toml_spans(text: str, keys: Keys) -> Iterator[tuple[int, int]]:
    import tomllib

    table: Keys = ()
    place = 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if header := _TABLE.fullmatch(bare):
            table = _toml_keys(header["name"])
        elif bare.lstrip().startswith("[["):
            table = ("",)  # No key leads into a list of tables.
        elif (pair := _LINE.fullmatch(bare)) and (*table, *_toml_keys(pair["name"])) == keys:
            start = place + pair.end("lead")
            rest = pair["rest"]
            for cut in (*(m.start() for m in re.finditer("#", rest)), len(rest)):
                value = rest[:cut].rstrip()
                try:
                    tomllib.loads(f"x = {value}")
                except tomllib.TOMLDecodeError:
                    continue
                yield start, start + len(value)
                break
        place += len(line)


def _toml_keys(name: str) -> Keys:
    """The keys of a dotted and maybe quoted name; none when it is no name."""
    import tomllib

    try:
        found = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    keys: list[str] = []
    inner: Any = found
    while isinstance(inner, dict):
        ((key, inner),) = inner.items()
        keys.append(key)
    return tuple(keys)
