"""Plain values as YAML text that version 1.1 (PyYAML) and version 1.2 (GTO) read alike."""

from __future__ import annotations

import json
import math
import re

from gto_ci.files.annotations.reading import Plain

# A text needs no quotes only if every version of YAML reads it as text: it does not begin with a digit, a sign or an
# indicator, and contains nothing that ends a plain text.
_PLAIN = re.compile(r"(?:[^\W\d]|/|\.(?=[/\w.]))(?:[\w./@+~=%()&*!$^;,-]|(?<=\S)#|:(?=[^\s,\[\]{}])| (?=[^\s#]))*")
_NOT_TEXT = re.compile(r"y|n|yes|no|on|off|true|false|null|none|\.(?:\d.*|inf|nan)|\.+", re.IGNORECASE)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def is_text(text: str) -> bool:
    """Tell whether ``text`` can be written in UTF-8; an invalid byte from a command line cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def scalar(text: str, like: str = "", *, flow: bool = False) -> str:
    """Return ``text`` as a YAML scalar on one line.

    ``like`` is the preferred quote, if any; ``flow`` says that the scalar is inside ``{}`` or ``[]``.
    """
    simple = _PLAIN.fullmatch(text) and text.isprintable() and not _NOT_TEXT.fullmatch(text)
    if simple and not like and not (flow and re.search("[:,]", text)):
        return text
    if like == '"' or not text.isprintable() or (like != "'" and "'" in text):
        return '"' + "".join(_escaped(character) for character in text) + '"'
    return "'" + text.replace("'", "''") + "'"


def inline(value: Plain, like: str = "", *, flow: bool = True) -> str:
    """Return ``value`` on one line, collections in flow style."""
    if isinstance(value, str):
        return scalar(value, like, flow=flow)
    if isinstance(value, list):
        return "[" + ", ".join(inline(item, like) for item in value) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{scalar(key, like, flow=True)}: {inline(item, like)}" for key, item in value.items())
            + "}"
        )
    return _atom(value)


def lines(key: str, value: Plain, step: int, dash: int) -> list[str]:
    """Return ``key: value`` in block style, as lines without their ends.

    ``step`` is the indentation of a mapping in a mapping, ``dash`` that of a sequence's dashes.
    """
    name = scalar(key)
    if isinstance(value, dict) and value:
        inner = [line for inner_key, item in value.items() for line in lines(inner_key, item, step, dash)]
        return [f"{name}:", *(" " * step + line for line in inner)]
    if isinstance(value, list) and value:
        return [f"{name}:", *(" " * dash + f"- {inline(item, flow=isinstance(item, (list, dict)))}" for item in value)]
    return [f"{name}: {inline(value, flow=False)}"]


def _atom(value: bool | int | float | None) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")  # YAML 1.1 requires the point
    return json.dumps(value)


def _escaped(character: str) -> str:
    """Return ``character`` as a double-quoted scalar of YAML holds it."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
