"""Hypothesis strategies for the registry's words."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from gto_ci.core.names import Kind, TagName, refused_by_git

_ALNUM = string.ascii_letters + string.digits


def _fits(tag: str) -> bool:
    return refused_by_git(tag) is None


_edge = st.sampled_from(_ALNUM)
parts = st.one_of(
    _edge,
    st.builds(lambda a, b, c: a + b + c, _edge, st.text(_ALNUM + "-/_", max_size=12), _edge),
).filter(lambda part: _fits(f"x#{part}"))
folders = st.text(_ALNUM + "-_./", min_size=1, max_size=12)
artifacts = st.one_of(
    parts.filter(lambda part: _fits(f"{part}@v0.0.1")),
    st.builds(lambda d, p: f"{d}:{p}", folders, parts).filter(lambda name: _fits(name.replace(":", "=") + "@v0.0.1")),
)

_numeric = st.integers(0, 10**6).map(str)
_alphanumeric = st.text(_ALNUM + "-", min_size=1, max_size=6).filter(lambda text: not text.isdigit())
_pre = st.lists(st.one_of(_numeric, _alphanumeric), min_size=1, max_size=3).map(".".join)
_build = st.lists(st.text(_ALNUM + "-", min_size=1, max_size=5), min_size=1, max_size=3).map(".".join)
versions = st.builds(
    lambda core, pre, build: "v" + ".".join(core) + (f"-{pre}" if pre else "") + (f"+{build}" if build else ""),
    st.tuples(_numeric, _numeric, _numeric),
    st.none() | _pre,
    st.none() | _build,
)
counters = st.none() | st.integers(1, 10**18 - 1)


def _tag(kind: Kind, artifact: str, version: str, stage: str, counter: int | None) -> TagName:
    about_version = kind in (Kind.REGISTRATION, Kind.DEREGISTRATION)
    about_stage = kind in (Kind.ASSIGNMENT, Kind.UNASSIGNMENT)
    return TagName(kind, artifact, version if about_version else None, stage if about_stage else None, counter)


tag_names = st.builds(_tag, st.sampled_from(Kind), artifacts, versions, parts, counters).filter(
    lambda tag: _fits(str(tag))
)
