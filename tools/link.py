"""A TCP link between two parts that a test can cut, slow down, black-hole and mend; it listens on 127.0.0.1."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65_536


class Link:
    """Forwards bytes from `url` to the server at `target`."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._whole = True
        self._out, self._back = asyncio.Event(), asyncio.Event()  # towards the server, and back from it
        self._seconds: Callable[[int], float] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.mend()

    @property
    def url(self) -> str:
        """The server's address by way of this link."""
        assert self._server
        login, at, _ = self._target.netloc.rpartition("@")
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._target._replace(netloc=f"{login}{at}127.0.0.1:{port}"))

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._writers) // 2

    def reset(self) -> None:
        """Reset every connection; new ones are welcome."""
        for writer in list(self._writers):
            writer.transport.abort()

    def cut(self) -> None:
        """Reset every connection; new ones are reset at once."""
        self._whole = False
        self.reset()

    def freeze(self, *, out: bool = True, back: bool = True) -> None:
        """Let nothing through, both ways or one way, and tell nobody: a server that hangs, a cable that was pulled."""
        if out:
            self._out.clear()
        if back:
            self._back.clear()

    def slow(self, seconds: Callable[[int], float]) -> None:
        """Hold every chunk of so many bytes for so many seconds."""
        self._seconds = seconds

    def mend(self) -> None:
        self._whole, self._seconds = True, None
        self._out.set()
        self._back.set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server
        self._server.close()
        self.mend()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self._whole:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, self._out), self._pump(far_reader, writer, self._back)
            )
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                if self._seconds:
                    await asyncio.sleep(self._seconds(len(chunk)))
                await flows.wait()
                if sink.is_closing():  # reset while it waited
                    return
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
