"""YAML as GTO and DVC read it, version 1.2, with PyYAML, which by itself reads version 1.1.

The two differ in which plain words are no text: to 1.2 ``yes``, ``no``, ``on`` and ``off`` are
text, and so are ``12:30`` and ``1_000``; ``010`` is ten. https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))
_CORE = (
    (_BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_INT, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (_FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    (_FLOAT, r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
)


@cache
def loader() -> Any:
    """Return the class of loaders: PyYAML's safe one in C, or where that was not built, the one in Python."""
    import yaml  # late: a tag can be understood without it

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # known at run time only
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOL, _INT, _FLOAT)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, pattern, first in _CORE:
        Loader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list(first))
    Loader.add_constructor(_INT, _integer)
    return Loader


def _integer(loader: Any, node: Any) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if re.match(r"0[xo]", text) else int(text, 10)
