"""Sessions of HTTP that send what they are told to, and nothing of what this host holds for others."""

from __future__ import annotations

import requests


def new_session() -> requests.Session:
    """Of what netrc holds for a host, nothing is sent along. Proxies are still taken from the environment."""
    session = requests.Session()
    session.auth = _no_authorization
    return session


def _no_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
