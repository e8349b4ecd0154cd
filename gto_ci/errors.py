"""Everything that can go wrong for a user, each with its cause and the next step. Scripts import it from here."""

from __future__ import annotations

from gto_ci.core.errors import *  # noqa: F403
