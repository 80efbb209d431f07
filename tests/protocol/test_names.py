import hashlib

import pytest

from packwitness.protocol import content_digest, parse_content_digest


def test_the_digest_header_is_that_of_rfc_9530() -> None:
    digest = hashlib.sha256(b'{"hello": "world"}\n').digest()
    # The example of RFC 9530, appendix D.
    header = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"

    assert content_digest(digest) == header
    assert parse_content_digest(header) == digest


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("", "must read"),
        ("sha-512=:AAAA:", "must read"),
        ("sha-256=:AAAA", "must read"),
        ("sha-256=:AA*A:", "no valid base64"),
        ("sha-256=:AAAA:", "32 bytes"),
    ],
)
def test_another_header_is_refused(header: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_content_digest(header)
