"""The errors that a user can meet, each with its cause and the next step. The public place to import them from."""

from __future__ import annotations

from gto_ci.core.errors import *  # noqa: F403
