"""A real time-stamping authority: ``openssl ts -reply`` behind a small HTTP server."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Authority of the tests
O = Tests
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[stamper]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/stamper.pem
signer_key = {folder}/stamper.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
ess_cert_id_chain = no
"""


@dataclass
class Authority:
    """Where it is, whose certificate is its root, and how it behaves now."""

    url: str
    root: Path
    answers: list[int] = field(default_factory=list)
    """Status codes of what it has answered."""
    trouble: str = ""
    """Empty, or ``refuse`` (503), ``nonsense`` (no time stamp), ``endless`` (too much), ``replay`` (an old
    answer).
    """
    last: bytes = b""


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """Run an authority whose keys are made in ``folder``."""
    _make_keys(folder)
    state = Authority("", folder / "root.pem")

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            status, body = 200, b""
            match state.trouble:
                case "refuse":
                    status = 503
                case "nonsense":
                    body = b"hello"
                case "endless":
                    body = b"x" * 200_000
                case "replay":
                    body = state.last
                case _:
                    body = state.last = _reply(folder, question)
            state.answers.append(status)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}/"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _reply(folder: Path, question: bytes) -> bytes:
    (folder / "question.tsq").write_bytes(question)
    openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "question.tsq", "-out", "answer.tsr")
    return (folder / "answer.tsr").read_bytes()


def _make_keys(folder: Path) -> None:
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    for name in ("root", "stamper"):
        openssl(
            folder,
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            f"{name}.key",
        )
    new = ("req", "-new", "-config", "tsa.cnf")
    openssl(
        folder, *new, "-x509", "-key", "root.key", "-extensions", "root", "-days", "3650", "-out", "root.pem"
    )
    openssl(folder, *new, "-key", "stamper.key", "-subj", "/CN=Stamper of the tests", "-out", "stamper.csr")
    signing = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "3650")
    extensions = ("-extfile", "tsa.cnf", "-extensions", "stamper")
    openssl(folder, "x509", "-req", "-in", "stamper.csr", *signing, *extensions, "-out", "stamper.pem")


def openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
