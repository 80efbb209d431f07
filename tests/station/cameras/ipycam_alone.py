"""An ONVIF camera (PyPI ipycam) and `packwitness station` beside it, in a network of their own.

`python -m tests.station.cameras.ipycam_alone USER PASSWORD WORD…` makes a network namespace in which only its
own loopback exists, since ipycam listens on all addresses; starts the camera there; and runs the command.
Needs the right to make one: root, or a system that lets users have namespaces of their own.
"""

import fcntl
import os
import socket
import struct
import sys
import threading

SIOCSIFFLAGS = 0x8914
UP_RUNNING_MULTICAST = 0x1 | 0x40 | 0x1000


def alone() -> None:
    """Leave the machine's network for an empty one with a loopback that takes multicast."""
    try:
        os.unshare(os.CLONE_NEWNET)
    except PermissionError:
        os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP_RUNNING_MULTICAST))


def main(user: str, password: str, words: list[str]) -> int:
    alone()
    # Only now: the camera looks for its own address when it is loaded.
    from ipycam.camera import IPCameraHTTPHandler, ReusableThreadingTCPServer
    from ipycam.config import CameraConfig
    from ipycam.discovery import WSDiscoveryServer
    from ipycam.onvif import ONVIFService

    from packwitness.cli import main as packwitness

    config = CameraConfig(
        name="Bench camera", local_ip="127.0.0.1", username=user, password=password, main_fps=25, sub_fps=15
    )
    service = ONVIFService(config)
    WSDiscoveryServer(service).start()

    class Camera:
        onvif = service

    IPCameraHTTPHandler.camera = Camera()
    server = ReusableThreadingTCPServer(("", config.onvif_port), IPCameraHTTPHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return packwitness(words)


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2], sys.argv[3:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Its threads wait for ever.
    os._exit(code)
