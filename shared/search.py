"""What things are found by: every ending of their names, so that any part of a name is the beginning of a word.

Two Chinese characters are enough to search with, and no extension or locale of the database is needed.
"""

import unicodedata

LONGEST_WORD = 40  # of what one can search for; more never tells things apart


def searchable(text: str) -> str:
    """One spelling for what reads alike: full-width letters as half-width ones, no capitals, single blanks."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\0", "")
    return " ".join(plain.split())


def endings(text: str) -> frozenset[str]:
    """The words that a text is found by."""
    plain = searchable(text)
    return frozenset(plain[i : i + LONGEST_WORD] for i in range(len(plain)) if plain[i] != " ")


def search_range(text: str) -> tuple[str, str] | None:
    """From where to where the words lie that begin with a text; None when there is nothing to search for."""
    plain = searchable(text)[:LONGEST_WORD]
    return (plain, plain + "\U0010ffff") if plain else None
