"""Face: what ``gto check-ref`` prints, for both ways in: :mod:`gto_check` and :mod:`door`, which has no click."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gto_ci import config

if TYPE_CHECKING:
    from gto_ci.api.checking import RefMeaning

PARTS = {
    "name": "Print the artifact's name",
    "version": "Print the version",
    "event": "Print the kind of event",
    "stage": "Print the stage",
}


def emoji(symbol: str) -> str:
    """Return ``symbol`` and a space, or nothing where ``GTO_EMOJIS`` turns them off."""
    return f"{symbol} " if config.show_emojis(os.environ) else ""


def lines(meaning: RefMeaning, as_json: bool, part: str | None) -> Iterator[str]:
    """Yield what is printed of a ref's meaning: JSON, or one of :data:`PARTS`, or a sentence."""
    for event in meaning.events:
        if as_json:
            from gto_ci.render import views

            shown = {"signature": views.signature_view(meaning.signature)} if meaning.signature else {}
            yield views.to_json({**views.event_view(event), **shown})
        elif part:
            value = getattr(event, "artifact" if part == "name" else part)
            if value is not None:
                yield value
        else:
            yield f"{emoji('✅ ')}{event}"
            if meaning.signature:
                from gto_ci.render import views

                yield views.signature_sentence(meaning.signature)
