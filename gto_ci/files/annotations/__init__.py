"""Read and edit the annotations of artifacts in files.

:mod:`reading` turns ``artifacts.yaml`` and ``dvc.yaml`` into values, and :mod:`discovery` reads those of many commits.
:mod:`editing` changes one artifact in an ``artifacts.yaml`` and leaves everything else as it is. It uses
:mod:`yaml_editor`, which changes the text, :mod:`yaml_positions`, which finds the parts of the text, and
:mod:`yaml_writer`, which writes values.
"""

from gto_ci.files.annotations.reading import (
    Annotation,
    ArtifactChange,
    Found,
    Plain,
    compare,
    find,
    read_artifacts_yaml,
    read_dvc_yaml,
)

__all__ = [
    "Annotation",
    "ArtifactChange",
    "Found",
    "Plain",
    "compare",
    "find",
    "read_artifacts_yaml",
    "read_dvc_yaml",
]
