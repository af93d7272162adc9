"""A TCP link between a service and a server, which a test can cut, freeze and mend."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Link:
    """Forwards bytes from `url` to the server at `target`."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._whole, self._flows = asyncio.Event(), asyncio.Event()
        self._seconds: Callable[[int], float] | None = None
        self._whole.set()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The server's address by way of this link."""
        assert self._server
        login, _, _ = self._target.netloc.rpartition("@")
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._target._replace(netloc=f"{login}@127.0.0.1:{port}"))

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Reset every connection; new ones are reset at once."""
        self._whole.clear()
        for writer in list(self._writers):
            writer.transport.abort()

    def freeze(self) -> None:
        """Let nothing through, and tell nobody: a server that hangs, or a cable that was pulled."""
        self._flows.clear()

    def slow(self, seconds: Callable[[int], float]) -> None:
        """Hold every chunk of so many bytes for so many seconds."""
        self._seconds = seconds

    def mend(self) -> None:
        self._seconds = None
        self._whole.set()
        self._flows.set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server
        self._server.close()
        self.cut()
        self._flows.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self._whole.is_set():
            writer.transport.abort()
            return
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
            ends = {writer, far_writer}
            self._writers |= ends
            try:
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            finally:
                self._writers -= ends
                for end in ends:
                    end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(65536):
                if self._seconds:
                    await asyncio.sleep(self._seconds(len(chunk)))
                await self._flows.wait()
                sink.write(chunk)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def link_to(target: str) -> AsyncIterator[Link]:
    """A whole link; closed at the end."""
    link = Link(target)
    await link.open()
    try:
        yield link
    finally:
        await link.close()
