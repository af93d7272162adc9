"""How long one has to wait after attempts that failed, and how long a session lasts."""

from datetime import datetime, timedelta

FREE = {"account": 4, "address": 20}  # so many may fail in a row before one has to wait
LONGEST = timedelta(minutes=15)  # not for ever: else anybody could lock out anybody
FORGOTTEN = timedelta(hours=24)

IDLE = timedelta(hours=1)
LASTS = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # it is not written down more often that a session is in use

SHORTEST_PASSWORD = 10


def wait_after(kind: str, failures: int) -> timedelta:
    """How long the next attempt has to wait after so many failures in a row: 1, 2, 4 ... seconds, up to LONGEST."""
    beyond = failures - FREE[kind]
    return min(timedelta(seconds=2 ** min(beyond - 1, 20)), LONGEST) if beyond > 0 else timedelta()


def counted(failures: int, last_at: datetime, now: datetime) -> int:
    """How many failures in a row still count."""
    return failures if now - last_at < FORGOTTEN else 0


def password_fault(name: str, password: str) -> str | None:
    """`short`, `long` or `name`, if a password is not to be taken."""
    if len(password) < SHORTEST_PASSWORD:
        return "short"
    if len(password) > 200:
        return "long"
    return "name" if name.lower() in password.lower() else None
