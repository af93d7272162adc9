"""The rule packs that come with Fenlu, read once; `<standard>.toml`, later versions `<standard>-<version>.toml`."""

from datetime import date
from functools import lru_cache
from importlib.resources import files

from services.accounting.domain.linter import lint
from services.accounting.domain.pack import Pack, PackError, parse


@lru_cache
def all_packs() -> tuple[Pack, ...]:
    """Every pack as it was written, by standard and version; not proven yet. PackError names a malformed file."""
    found = []
    for file in files(__name__).iterdir():
        if file.name.endswith(".toml"):
            try:
                found.append(parse(file.read_text(encoding="utf-8")))
            except PackError as error:
                raise PackError(f"{file.name}: {error}") from error
    return tuple(sorted(found, key=lambda pack: (pack.standard, pack.version)))


def proven(pack: Pack) -> Pack:
    """The pack itself if the linter passes it, since only then it may post. PackError with the first finding if not."""
    for finding in lint(pack):
        raise PackError(f"pack {pack.standard} {pack.version}: {finding.place}: {finding.en}")
    return pack


@lru_cache
def proven_packs() -> tuple[Pack, ...]:
    """Every pack, proven. PackError as `proven`."""
    return tuple(map(proven, all_packs()))


def newest(standard: str, on: date) -> Pack | None:
    """The last version of a standard that is in force on a day."""
    known = [pack for pack in proven_packs() if pack.standard == standard and pack.effective_on <= on]
    return known[-1] if known else None


def named(standard: str, version: int) -> Pack:
    """The pack that books were opened with. PackError if this release does not have it."""
    for pack in proven_packs():
        if (pack.standard, pack.version) == (standard, version):
            return pack
    raise PackError(f"this release has no pack {standard} version {version}")
