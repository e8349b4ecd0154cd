"""The output of ``gto check-ref``, ``show`` and ``history``, for click's command line and for :mod:`fast_path`.

Some imports are late because they take longer than the simplest command itself.
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
    """Return ``symbol`` and a space, or "" if ``GTO_EMOJIS`` turns emojis off."""
    return f"{symbol} " if config.show_emojis(os.environ) else ""


def width() -> int:
    """Return the terminal's width in columns, 0 if stdout is no terminal or the width is unknown."""
    if not sys.stdout.isatty():
        return 0
    import shutil

    return shutil.get_terminal_size((0, 0)).columns


def of_ref(meaning: RefMeaning, form: str | None) -> Iterator[str]:
    """Yield the lines of ``gto check-ref``. ``form`` is ``json``, one of :data:`REF_PARTS`, or None for a sentence."""
    for event in meaning.events:
        if form == "json":
            from gto_ci.render import views

            signature = {"signature": views.signature_view(meaning.signature)} if meaning.signature else {}
            yield views.to_json({**views.event_view(event), **signature})
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
    """Yield the lines of ``gto show``. ``form`` is ``json``, ``plain``, one of :data:`ROW_PARTS`, None for a table."""
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
    """Yield the lines of ``gto history``. ``form`` is ``json``, ``plain``, or None for a table."""
    from gto_ci.api import queries
    from gto_ci.render import table, views

    if form == "json":
        yield views.to_json(queries.history(repo, name, warn=warn, **options))
        return
    events, signatures = queries.read_journal(repo, name, warn=warn, **options)
    headings = views.HISTORY if signatures is None else (*views.HISTORY, "signature")
    cells = views.history_cells(events, signatures)
    yield table.lay_out(headings, cells, plain=form == "plain", width=width())
