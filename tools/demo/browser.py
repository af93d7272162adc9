"""A browser at the console, without a screen."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2


@contextmanager
def signed_in(url: str, name: str, password: str) -> Iterator[httpx2.Client]:
    """One in which somebody has just signed in. PermissionError if they were not let in."""
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as browser:
        form = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get("/sign-in").text)
        fields = {"csrf": form[1] if form else "", "name": name, "password": password, "to": "/"}
        if (answer := browser.post("/sign-in", data=fields)).status_code != httpx2.codes.SEE_OTHER:
            raise PermissionError(f"{name} cannot sign in at {url}: {answer.status_code}")
        yield browser
