"""The errors that a user can meet, each with its cause and the next step. Scripts import them from here."""

from __future__ import annotations

from gto_ci.core.errors import *  # noqa: F403
