"""What files say of an artifact, and how such a file is changed.

:mod:`reading` turns ``artifacts.yaml`` and ``dvc.yaml`` into values; :mod:`editing` changes one
artifact in an ``artifacts.yaml`` and leaves everything else as it stands, with :mod:`yaml_editor`,
which works on the text, :mod:`yaml_positions`, which knows what stands where in it, and :mod:`yaml_writer`,
which writes values.
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
