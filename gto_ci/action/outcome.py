"""The results of a step: the data for its outputs, log, summary and comment."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from gto_ci.action.interpret_ref import Meaning
from gto_ci.core.registry import Registry, StageLimits
from gto_ci.core.resolve import RegistryTags
from gto_ci.files.config import Settings
from gto_ci.platforms.platform import Posted
from gto_ci.render import views

if TYPE_CHECKING:
    from gto_ci.action.apply_ghost import Applied
    from gto_ci.dvc import PulledData
    from gto_ci.files.annotations import ArtifactChange
    from gto_ci.gate import Gate
    from gto_ci.render.summary_page import GateForecast


@dataclass(frozen=True, slots=True)
class Proposal:
    """The effect of merging a pull request on the registry.

    ``changes`` are changed annotations, ``forecasts`` the gate's verdicts on the next events. ``where`` says
    where the rules were read from. ``problems`` are sentences for the user.
    """

    changes: tuple[ArtifactChange, ...]
    forecasts: tuple[GateForecast, ...] = ()
    where: str = ""
    problems: tuple[str, ...] = ()


@dataclass
class Outcome:
    """The results so far. A field is None if the inputs do not request that part.

    ``gate`` is the verdict, ``proposal`` the effect of the pull request, ``applied`` the ghost, ``pulled``
    the data, and ``comment`` the posted comment. ``warnings`` are also shown in the summary.
    """

    settings: Settings
    tags: RegistryTags = field(default_factory=lambda: RegistryTags(()))
    meaning: Meaning = field(default_factory=Meaning)
    gate: Gate | None = None
    proposal: Proposal | None = None
    applied: Applied | None = None
    pulled: PulledData | None = None
    comment: Posted | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        """The state of the registry."""
        return self.tags.registry

    @cached_property
    def previous(self) -> tuple[str, str] | None:
        """The version, and its commit, that a rollback of the event would restore. None if there is none."""
        return self.registry.previous(self.meaning.event) if self.meaning.event else None

    @property
    def columns(self) -> list[str]:
        """The stages that have a column in the registry's table."""
        return self.registry.columns(self.settings.stages)

    @cached_property
    def view(self) -> dict[str, views.Row]:
        """The whole registry, as in the output ``registry``."""
        return views.registry_view(self.registry, self.columns, StageLimits())

    @cached_property
    def rows(self) -> list[views.Row]:
        """The rows of the registry's table."""
        return views.registry_table(self.view, self.columns)
