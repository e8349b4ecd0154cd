"""How Sphinx makes a site of this folder: ``make docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gto_ci import __version__

project, author, release = "gto-ci", "The gto-ci authors", __version__
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "docs._ext.site"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4  # those of GitHub, so that links work in both places
smartquotes_action = "D"  # dashes; quotes are to be copied as they are

python_maximum_signature_line_length = 88
autodoc_type_aliases = {name: name for name in ("RepoLike", "Stdout", "Row", "Table", "Warn", "Kind", "Ghost")}
# What is neither ours nor public has no page here.
nitpick_ignore_regex = [("py:.*", r"(?!gto_ci\.).*"), ("py:.*", r"gto_ci\.(?!api\.|errors\.).*")]

html_theme = "furo"
html_title = "gto-ci"
html_static_path, html_css_files = ["_static"], ["site.css"]
html_show_sourcelink = html_copy_source = False
html_theme_options = {
    "source_repository": "https://github.com/org/gto-action/",
    "source_branch": "main",
    "source_directory": "docs/",
    "light_css_variables": {"color-brand-primary": "#1a7f37", "color-brand-content": "#1a7f37"},
    "dark_css_variables": {"color-brand-primary": "#3fb950", "color-brand-content": "#3fb950"},
}
