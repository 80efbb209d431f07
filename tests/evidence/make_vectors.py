"""Writes ``tests/evidence/vectors/*.json``: run it by hand when a format is added, never to make a test pass.

The small vectors are computed here a second time, from ``docs/design/evidence.md`` alone and without the
package, so that they judge it. ``take.json`` is a whole bundle for other implementations to check;
``timestamp.json`` comes from OpenSSL's own authority and differs with each run, so it is only written with
``--time-stamps``.

    python -m tests.evidence.make_vectors [--time-stamps]
"""

import argparse
import base64
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.evidence.takes import late_manifest, make_log, make_take

FOLDER = Path(__file__).parent / "vectors"
ZERO = bytes(32)
SEED = bytes(range(32))


def h(domain: str, *fields: bytes) -> bytes:
    whole = b"".join(len(one).to_bytes(4, "big") + one for one in (domain.encode(), *fields))
    return hashlib.sha256(whole).digest()


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def plain_canonical(value: Any) -> bytes:
    """RFC 8785 for values whose keys are ASCII and whose numbers are integers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def public_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    return "ed25519:" + hashlib.sha256(public).hexdigest()


def canonical_vectors() -> Any:
    accepted = [
        ('{ "b" : 1, "a" : [true, null, -7] }', '{"a":[true,null,-7],"b":1}'),
        (
            '{"\\u20ac":1,"\\r":2,"\\ud83d\\ude00":3,"\\ufb33":4,"1":5}',
            '{"\\r":2,"1":5,"€":1,"😀":3,"\ufb33":4}',
        ),
        ('"\\u0007\\u000a\\u001f\\/\\u00e9"', '"\\u0007\\n\\u001f/é"'),
        ("[9007199254740991,-9007199254740991,-0]", "[9007199254740991,-9007199254740991,0]"),
    ]
    refused = [
        ("a key twice", '{"a":1,"a":1}'),
        ("a float", "[1.0]"),
        ("an exponent", "[1e3]"),
        ("too large an integer", "[9007199254740992]"),
        ("too many digits", "[" + "9" * 5000 + "]"),
        ("not a number", "[NaN]"),
        ("half a surrogate pair", '"\\ud800"'),
        ("too deep", "[" * 33 + "]" * 33),
        ("cut off", '{"a":'),
        ("a byte order mark", "\ufeff{}"),
    ]
    return {
        "accepted": [{"json": text, "canonical": form} for text, form in accepted],
        "refused": [{"why": why, "json": text} for why, text in refused],
    }


def statement_vectors() -> Any:
    payload = {
        "type": "packwitness/test/1",
        "text": "소포",
        "numbers": [0, -1, 9007199254740991],
        "none": None,
    }
    message = plain_canonical(payload)
    value = Ed25519PrivateKey.from_private_bytes(SEED).sign(b"packwitness/statement/1\x00" + message)
    public = public_of(SEED)
    return {
        "seed": SEED.hex(),
        "public": public.hex(),
        "key": key_id(public),
        "digest": hashlib.sha256(message).hexdigest(),
        "statement": {
            "payload": payload,
            "signatures": [
                {"alg": "Ed25519", "key": key_id(public), "public": b64(public), "value": b64(value)}
            ],
        },
    }


def certificate_vectors() -> Any:
    public = public_of(SEED)
    payload = {
        "type": "packwitness/certificate/1",
        "organisation": {"id": "acme", "name": "Acme Parcels"},
        "subject": {"kind": "organisation", "id": "acme", "name": "Acme Parcels"},
        "key": {"alg": "Ed25519", "public": b64(public)},
        "valid_from": "2026-11-12T10:00:00.000Z",
        "valid_until": "2027-11-22T10:00:00.000Z",
        "issuer": key_id(public),
    }
    return {
        "seed": SEED.hex(),
        "payload": payload,
        "digest": hashlib.sha256(plain_canonical(payload)).hexdigest(),
    }


def chain_vectors() -> Any:
    take, camera = "k3v9x2m4q7pa-12", "overhead"
    digests = [
        hashlib.sha256(text).digest() for text in (b"init", b"part 0", b"part 1", b"init 1", b"part 2")
    ]
    links = [(digests[0], digests[1]), (digests[0], digests[2]), (digests[3], digests[4])]
    head, heads = ZERO, []
    for n, (init, part) in enumerate(links):
        head = h("packwitness/part-chain/1", take.encode(), camera.encode(), number(n), head, init, part)
        heads.append(head.hex())
    events = [
        {"n": 0, "kind": "take_started", "utc": "2026-11-22T10:00:00.000Z", "at_ms": 3000, "data": {}},
        {
            "n": 1,
            "kind": "label_scanned",
            "utc": "2026-11-22T10:00:00.012Z",
            "at_ms": 3012,
            "data": {"code": {"commitment": "ab" * 32}, "symbology": "Code128"},
        },
    ]
    event_head, event_heads = ZERO, []
    for n, event in enumerate(events):
        body = hashlib.sha256(plain_canonical(event)).digest()
        event_head = h("packwitness/event-chain/1", take.encode(), number(n), event_head, body)
        event_heads.append(event_head.hex())
    return {
        "take": take,
        "camera": camera,
        "links": [{"init": init.hex(), "part": part.hex()} for init, part in links],
        "part_heads": heads,
        "events": events,
        "event_heads": event_heads,
    }


def commitment_vectors() -> Any:
    cases = [(bytes(range(16)), "1Z999AA10123456784"), (bytes(16), ""), (b"\xff" * 16, "소포 번호")]
    return [
        {
            "salt": b64(salt),
            "value": value,
            "commitment": h("packwitness/commitment/1", salt, value.encode()).hex(),
        }
        for salt, value in cases
    ]


def journal_vectors() -> Any:
    payload = {
        "type": "packwitness/journal-entry/1",
        "bench": "k3v9x2m4q7pa",
        "n": 1,
        "previous": "0" * 64,
        "utc": "2026-11-22T10:00:00.000Z",
        "kind": "boot",
        "data": {"software": "0.1.0", "boot": "00ff00ff", "key": key_id(public_of(SEED))},
    }
    return {"payload": payload, "digest": hashlib.sha256(plain_canonical(payload)).hexdigest()}


def receipt_vectors() -> Any:
    payload = {
        "type": "packwitness/receipt/1",
        "take": "k3v9x2m4q7pa-12",
        "organisation": {"id": "acme"},
        "manifest": "cd" * 32,
        "received_at": "2026-11-22T10:01:00.000Z",
        "log": {"origin": "hub.acme.example/log", "index": 7},
    }
    return {"payload": payload, "digest": hashlib.sha256(plain_canonical(payload)).hexdigest()}


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:k]) + merkle_root(leaves[k:])).digest()


def log_vectors() -> Any:
    leaves = [hashlib.sha256(f"manifest {n}".encode()).digest() for n in range(11)]
    root = merkle_root(leaves)
    origin = "hub.acme.example/log"
    text = f"{origin}\n11\n{base64.b64encode(root).decode()}\n"
    key_hash = hashlib.sha256(origin.encode() + b"\n\x01" + public_of(SEED)).digest()[:4]
    signature = key_hash + Ed25519PrivateKey.from_private_bytes(SEED).sign(text.encode())
    return {
        "leaves": [leaf.hex() for leaf in leaves],
        "roots": [merkle_root(leaves[:size]).hex() for size in range(12)],
        "seed": SEED.hex(),
        "origin": origin,
        "checkpoint": f"{text}\n— {origin} {base64.b64encode(signature).decode()}\n",
    }


def take_vectors() -> Any:
    return {name: base64.b64encode(data).decode() for name, data in make_take().files().items()}


VECTORS: dict[str, Callable[[], Any]] = {
    "canonical.json": canonical_vectors,
    "statement.json": statement_vectors,
    "certificate.json": certificate_vectors,
    "chain.json": chain_vectors,
    "commitment.json": commitment_vectors,
    "journal.json": journal_vectors,
    "receipt.json": receipt_vectors,
    "log.json": log_vectors,
    "take.json": take_vectors,
}

_OPENSSL = """\
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[stamping]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:false
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[req]
distinguished_name = dn
[dn]
"""


def time_stamp_vectors() -> Any:
    """Tokens of an authority under an intermediate, and of one that signed its own certificate."""
    checkpoint = log_vectors()["checkpoint"]
    take = make_take()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def openssl(line: str) -> None:
            subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)

        def certify(who: str, subject: str, extensions: str, issuer: str = "") -> None:
            new = "-newkey rsa:2048 -nodes -config openssl.cnf"
            if not issuer:
                files = f"-keyout {who}.key -out {who}.pem"
                openssl(f"req -x509 {new} {files} -days 36500 -subj {subject} -extensions {extensions}")
                return
            openssl(f"req {new} -keyout {who}.key -out {who}.csr -subj {subject}")
            openssl(
                f"x509 -req -in {who}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial"
                f" -days 36500 -extfile openssl.cnf -extensions {extensions} -out {who}.pem"
            )

        def stamp(message: str, who: str, *, certificate: bool) -> str:
            (folder / "message").write_text(message.split("\n\n")[0] + "\n", encoding="utf-8")
            openssl(
                f"ts -query -data message -sha256 -no_nonce {'-cert' if certificate else ''} -out query.tsq"
            )
            signer = f"-inkey {who}.key -signer {who}.pem"
            openssl(f"ts -reply -config openssl.cnf -queryfile query.tsq {signer} -out r.tsr")
            return base64.b64encode((folder / "r.tsr").read_bytes()).decode()

        (folder / "openssl.cnf").write_text(_OPENSSL)
        (folder / "serial").write_text("01\n")
        certify("root", "/O=Test/CN=Root", "ca")
        certify("other", "/O=Test/CN=Other", "ca")
        certify("middle", "/O=Test/CN=Middle", "ca", "root")
        certify("authority", "/O=Example/CN=Clockwork", "stamping", "middle")
        certify("selfmade", "/O=Example/CN=Selfmade", "stamping")
        return {
            "checkpoint": checkpoint,
            "certificates": {
                who: (folder / f"{who}.pem").read_text()
                for who in ("root", "other", "middle", "authority", "selfmade")
            },
            "with_certificate": stamp(checkpoint, "authority", certificate=True),
            "without_certificate": stamp(checkpoint, "authority", certificate=False),
            "selfmade": stamp(checkpoint, "selfmade", certificate=True),
            "take": stamp(take.log["checkpoint"], "authority", certificate=True),
            "late": stamp(make_log(late_manifest())["checkpoint"], "authority", certificate=True),
        }


def write(name: str, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time-stamps", action="store_true")
    arguments = parser.parse_args()
    for name, make in VECTORS.items():
        write(name, make())
    if arguments.time_stamps:
        write("timestamp.json", time_stamp_vectors())


if __name__ == "__main__":
    main()
