"""An RTSP camera on 127.0.0.1: aio-rtsp-toolkit's server in a thread, and a few that misbehave."""

import asyncio
import concurrent.futures
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from aio_rtsp_toolkit.server import RtspServer
from aio_rtsp_toolkit.server_streaming import RtspStreamingMixin

ANSWER_LIMIT = 65_536
STREAMS = 32


def _put_once(
    _session: object,
    loop: asyncio.AbstractEventLoop,
    queue: "asyncio.Queue[object]",
    item: object,
    over: threading.Event,
) -> bool:
    """In place of the library's own, which gives up and puts the picture again when the queue takes it just
    then: on a busy machine a film of some seconds then holds a picture twice.
    """
    put = asyncio.run_coroutine_threadsafe(queue.put(item), loop)
    while not over.is_set():
        try:
            put.result(timeout=0.1)
        except concurrent.futures.TimeoutError:
            continue
        return True
    put.cancel()
    return False


RtspStreamingMixin._threadsafe_queue_put = _put_once


class _Quiet:
    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_args, **_kwargs: None


class RtspCameraServer:
    """Serves the films of a folder for ever. `stop` cuts all connections, `start` comes back at the same
    port.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0

    def url(self, film: Path) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{film.name}/play_count_0"

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve() -> None:
            # Each stream holds a thread of it; by default there are no more than cores and four.
            self._loop.set_default_executor(ThreadPoolExecutor(STREAMS))
            self._over = asyncio.Event()
            self._tasks: set[asyncio.Task[object]] = set()
            server = RtspServer(str(self._folder), host="127.0.0.1", port=self.port)
            server.logger = _Quiet()
            await server.start()
            self.port = server._server.sockets[0].getsockname()[1]
            ready.set()
            await self._over.wait()
            server._server.close()
            mine = asyncio.current_task()
            for task in asyncio.all_tasks():
                if task is not mine:
                    task.cancel()
            await asyncio.sleep(0.05)

        def body() -> None:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(serve())

        self._thread = threading.Thread(target=body, name="rtsp server")
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def serve_films(folder: Path) -> Iterator[RtspCameraServer]:
    server = RtspCameraServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def answering(answer: Callable[[str], str | None], *, encoding: str = "utf-8") -> Iterator[int]:
    """Serve `answer(request)` to each request on a port of its own; None hangs up, "" stays silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def talk(client: socket.socket) -> None:
        try:
            while data := client.recv(ANSWER_LIMIT):
                while data.startswith(b"$"):
                    data = data[4 + int.from_bytes(data[2:4], "big") :]  # the client's RTCP
                if not data:
                    continue
                request = data.decode(errors="replace")
                reply = answer(request)
                if reply is None:
                    break
                number = next(line for line in request.split("\r\n") if line.lower().startswith("cseq"))
                client.sendall(reply.replace("CSEQ", number).encode(encoding))
        except OSError:
            pass
        finally:
            client.close()

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            clients.append(client)
            threads.append(threading.Thread(target=talk, args=(client,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)


def sdp_answers(sdp: str) -> Callable[[str], str | None]:
    """Answers of a camera that describes itself by `sdp` and then sends nothing."""

    def answer(request: str) -> str | None:
        if request.startswith("DESCRIBE"):
            head = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}"
            return f"RTSP/1.0 200 OK\r\nCSEQ\r\n{head}\r\n\r\n{sdp}"
        if request.startswith("SETUP"):
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            return f"RTSP/1.0 200 OK\r\nCSEQ\r\nSession: 1\r\n{transport}\r\n\r\n"
        return "RTSP/1.0 200 OK\r\nCSEQ\r\nSession: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n"

    return answer
