"""User names and passwords for HTTP, moved from URLs into headers.

Git puts a URL on the command lines of its helpers, which every user of the machine can read. It passes a header in the
environment. Git also sends a URL's password only to a server that asks for it, and a header always.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, urlsplit, urlunsplit


def basic(user: str, password: str) -> str:
    """Return the value of the HTTP header ``Authorization`` for ``user`` and ``password``, by RFC 7617."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def split_login(url: str) -> tuple[str, str]:
    """Return an HTTP URL without its user and password, and the value of ``Authorization`` that replaces them.

    A URL without a password, or with another scheme, is returned unchanged, with "".
    """
    if not re.match(r"https?://[^/?#]*:[^/?#]*@", url, re.IGNORECASE):
        return url, ""
    parts = urlsplit(url)
    clean = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return clean, basic(unquote(parts.username or ""), unquote(parts.password or ""))


def header_secrets(header: str) -> list[str]:
    """Return the secrets in a header ``AUTHORIZATION: basic BASE64``: the code, and the password in it."""
    code = header.rpartition(" ")[2]
    try:
        return [code, base64.b64decode(code, validate=True).decode().partition(":")[2]]
    except ValueError:  # not base64, or not text: only the code is a secret
        return [code]
