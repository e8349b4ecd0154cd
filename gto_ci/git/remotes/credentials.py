"""User names and passwords for HTTP: out of URLs, into a header.

Git's helpers have a URL on their command lines, which everybody on the machine can read. A header goes to them in the
environment.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, urlsplit, urlunsplit


def basic(user: str, password: str) -> str:
    """Return the value of the HTTP header ``Authorization`` for ``user`` and ``password``, by RFC 7617."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def split_login(url: str) -> tuple[str, str]:
    """Return an HTTP URL without its user and password, and the header's value that stands for them.

    A URL without a password, or of another scheme, is returned as it is, with "".
    """
    if not re.match(r"https?://[^/?#]*:[^/?#]*@", url, re.IGNORECASE):
        return url, ""
    parts = urlsplit(url)
    clean = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return clean, basic(unquote(parts.username or ""), unquote(parts.password or ""))


def header_secrets(header: str) -> list[str]:
    """Return what must not be shown of ``AUTHORIZATION: basic BASE64``: the code, and the token inside it."""
    code = header.rpartition(" ")[2]
    try:
        return [code, base64.b64decode(code, validate=True).decode().partition(":")[2]]
    except ValueError:  # not base64, or not text: then the code itself is the secret
        return [code]
