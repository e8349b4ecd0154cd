"""The action's inputs, which the runner passes as ``INPUT_NAME``, hyphens included.

The rules are those of ``actions_toolkit.core.get_input`` and ``get_boolean_input`` (a test compares them).
That module is not imported here, because it imports an HTTP client.
"""

from __future__ import annotations

from collections.abc import Mapping


def get_input(environ: Mapping[str, str], name: str) -> str:
    """Return an input without surrounding white space, or "" if it is not set."""
    return environ.get(f"INPUT_{name.replace(' ', '_').upper()}", "").strip()
