"""The layouts of the statements that come with Fenlu, read once: `<standard>.toml`."""

from functools import lru_cache
from importlib.resources import files

from services.accounting.domain.statements import Layouts, parse


@lru_cache
def layouts() -> dict[str, Layouts]:
    """standard -> its statements. LayoutError names a malformed file."""
    texts = (file.read_text(encoding="utf-8") for file in files(__name__).iterdir() if file.name.endswith(".toml"))
    return {found.standard: found for found in map(parse, texts)}
