"""A listening socket on loopback, with a thread for whoever connects: lines and proxies stand on it."""

import contextlib
import socket
import threading
from collections.abc import Callable


class Listener:
    """Calls ``meet`` with each new connection, in the accepting thread."""

    def __init__(self, meet: Callable[[socket.socket], None]) -> None:
        self._meet = meet
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="listener")
        self._acceptor.start()

    def run[*Arguments](self, work: Callable[[*Arguments], None], *arguments: *Arguments) -> None:
        """Do something in a thread of its own, which ``join`` waits for."""
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._acceptor.join(5)

    def join(self) -> None:
        """Wait for the threads; whoever has connections open ends them first."""
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._meet(connection)
