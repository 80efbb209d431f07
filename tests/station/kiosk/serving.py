"""A kiosk on a real socket, in a thread of its own, for tests that bring a browser."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from packwitness.station.kiosk.app import make_kiosk
from packwitness.station.kiosk.fake import FakeBench


class Served:
    """Benches behind ``url``. They live in the server's loop: touch them through ``do`` only."""

    def __init__(self, benches: Sequence[FakeBench], port: int) -> None:
        self.benches = {bench.id: bench for bench in benches}
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        app = make_kiosk(self.benches, trigger_token="a-token-for-tests")
        config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def do[T](self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._server.serve(sockets=[self._listener]))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@contextmanager
def served(*benches: FakeBench, port: int = 0) -> Iterator[Served]:
    server = Served(benches, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
