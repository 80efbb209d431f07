"""Web servers and task workers as child processes of one supervisor.

- A child that dies is started again, at once the first time and then with growing pauses.
- The supervisor holds the listening socket, so that a restarted web server misses no connection.
- On SIGTERM or Ctrl-C every child is asked to end and gone within ``END_WITHIN`` seconds.
- Each child reads a pipe whose other end only the supervisor holds: when the supervisor vanishes, even by
kill -9, the
  pipe ends and so does the child.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

END_WITHIN = 4.0
"""Seconds from asking the children to end until they are killed."""
LONGEST_PAUSE = 10.0
"""Seconds between two starts of a child that keeps dying."""
STABLE_AFTER = 30.0
"""A child that lived this long, in seconds, has forgotten its earlier deaths."""


@dataclass
class Child:
    """One program to keep alive."""

    name: str
    arguments: Sequence[str]
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    not_before: float = 0.0


@dataclass
class Supervisor:
    """Keeps its children alive until it is told to end."""

    children: list[Child]
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Start the children and look after them; return when all have ended."""
        previous = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)
        }
        life_line, held = os.pipe()
        try:
            while not self.ending.is_set():
                for child in self.children:
                    self._look_after(child, life_line)
                self.ending.wait(0.1)
        finally:
            self._end()
            os.close(held)
            os.close(life_line)
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: object) -> None:
        self.ending.set()

    def _look_after(self, child: Child, life_line: int) -> None:
        now = time.monotonic()
        if child.process is not None and (status := child.process.poll()) is not None:
            if now - child.started > STABLE_AFTER:
                child.deaths = 0
            pause = min(LONGEST_PAUSE, 0.5 * 2 ** (child.deaths - 1)) if child.deaths else 0.0
            child.deaths += 1
            child.not_before = now + pause
            child.process = None
            log.error("child_died", child=child.name, status=status, starts_again_in_s=pause)
        if child.process is None and now >= child.not_before:
            child.started = now
            child.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "packwitness.cli",
                    "hub",
                    *child.arguments,
                    "--life-line",
                    str(life_line),
                ],
                pass_fds=(life_line, *child.pass_fds),
                stdin=subprocess.DEVNULL,
                # A group of its own: Ctrl-C reaches the supervisor alone, which ends the children in order.
                start_new_session=True,
            )

    def _end(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + END_WITHIN
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def end_with(life_line: int) -> None:
    """Make this process end when the supervisor's end of the pipe closes."""

    def watch() -> None:
        while os.read(life_line, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_WITHIN)
        os._exit(1)

    threading.Thread(target=watch, name="life-line", daemon=True).start()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that children can inherit.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=512)
    sock.set_inheritable(True)
    return sock


def serve(sock: socket.socket) -> None:
    """Serve the hub on a listening socket until SIGTERM or Ctrl-C."""
    # Only the process that serves needs the server, and importing the application sets Django up.
    import uvicorn

    from packwitness.hub.config.asgi import application

    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Django reads the proxies' headers itself, and only from as many proxies as are trusted.
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[sock])
