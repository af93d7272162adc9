"""What every kind of trouble offers."""

from collections.abc import Sequence

LINK_LIMIT, SERVER_LIMIT, SERVICE_LIMIT = 45.0, 15.0, 30.0


class Fault:
    """Something that goes wrong and is healed. `limit`: the seconds from then until all is heard again that was said;
    `victims`: the processes that its begin kills."""

    limit = LINK_LIMIT
    victims: Sequence[str] = ()

    async def begin(self) -> None:
        raise NotImplementedError

    async def heal(self) -> None:
        """Nothing, for what passes by itself."""
