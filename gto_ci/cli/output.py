"""What ``gto check-ref``, ``show`` and ``history`` print, for both ways in: click's, and :mod:`fast_path`'s.

Whatever is imported late here takes longer to import than the plainest question to answer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from gto_ci.files import config

if TYPE_CHECKING:
    from gto_ci.api.open_repository import RepoLike
    from gto_ci.api.tag_meaning import RefMeaning

REF_PARTS = {
    "name": "Print the artifact's name",
    "version": "Print the version",
    "event": "Print the kind of event",
    "stage": "Print the stage",
}
ROW_PARTS = {
    "name": "Print only the artifact names",
    "version": "Print only the versions",
    "stage": "Print only the stages",
    "ref": "Print only the refs",
}


def emoji(symbol: str) -> str:
    """Return ``symbol`` and a space, or nothing where ``GTO_EMOJIS`` turns them off."""
    return f"{symbol} " if config.show_emojis(os.environ) else ""


def width() -> int:
    """Return how many columns the terminal has that is printed to, 0 where it is none or does not say."""
    if not sys.stdout.isatty():
        return 0
    import shutil

    return shutil.get_terminal_size((0, 0)).columns


def of_ref(meaning: RefMeaning, form: str | None) -> Iterator[str]:
    """Yield the lines on a ref's meaning: ``json``, or one of :data:`REF_PARTS`, or a sentence."""
    for event in meaning.events:
        if form == "json":
            from gto_ci.render import views

            shown = {"signature": views.signature_view(meaning.signature)} if meaning.signature else {}
            yield views.to_json({**views.event_view(event), **shown})
        elif form:
            value = getattr(event, "artifact" if form == "name" else form)
            if value is not None:
                yield value
        else:
            yield f"{emoji('✅ ')}{event}"
            if meaning.signature:
                from gto_ci.render import views

                yield views.signature_sentence(meaning.signature)


def of_registry(
    repo: RepoLike, name: str | None, form: str | None, warn: Callable[[str], None], **options: Any
) -> Iterator[str]:
    """Yield the lines of ``gto show``: ``json``, or one of :data:`ROW_PARTS`, or a table, which may be ``plain``."""
    from gto_ci.api import queries
    from gto_ci.core.errors import WrongArguments
    from gto_ci.render import table, views

    if form == "json":
        yield views.to_json(queries.show(repo, name, warn=warn, **options))
        return
    shown = queries.show(repo, name, table=True, truncate_hexsha=True, warn=warn, **options)
    rows, _ = cast(queries.Table, shown)
    if form is None or form == "plain":
        yield table.table(rows, plain=form == "plain", width=width())
    elif rows and form not in rows[0]:
        raise WrongArguments(f"Cannot apply --{form}", f"This table has the columns {', '.join(rows[0])}")
    else:
        yield from (row[form] for row in rows)


def of_history(
    repo: RepoLike, name: str | None, form: str | None, warn: Callable[[str], None], **options: Any
) -> Iterator[str]:
    """Yield the lines of ``gto history``: ``json``, or a table, which may be ``plain``."""
    from gto_ci.api import queries
    from gto_ci.render import table, views

    if form == "json":
        yield views.to_json(queries.history(repo, name, warn=warn, **options))
        return
    events, signatures = queries.read_journal(repo, name, warn=warn, **options)
    headings = views.HISTORY if signatures is None else (*views.HISTORY, "signature")
    cells = views.history_cells(events, signatures)
    yield table.lay_out(headings, cells, plain=form == "plain", width=width())
