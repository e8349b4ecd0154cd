"""The action's inputs, which the runner passes as ``INPUT_NAME`` with hyphens kept.

The rules are those of ``actions_toolkit.core.get_input`` and ``get_boolean_input`` (a test holds them
equal); that module itself is not used, because importing it imports an HTTP client.
"""

from __future__ import annotations

from collections.abc import Mapping


def get_input(environ: Mapping[str, str], name: str) -> str:
    """Return an input without surrounding white space, empty where it is not given."""
    return environ.get(f"INPUT_{name.replace(' ', '_').upper()}", "").strip()
