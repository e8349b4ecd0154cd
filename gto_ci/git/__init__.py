"""Edge: the only room that runs git.

:mod:`runner` starts git and turns failures into :class:`~gto_ci.errors.GitError`; :mod:`parse`
reads git's output and is pure; :mod:`repository` has one method per question;
:mod:`snapshot` brings a remote's registry tags into a scratch repository.
"""

from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository

__all__ = ["Repository", "Runner"]
