"""Where an S3 store is: ``s3://bucket/prefix?endpoint=…&public=…&region=…&addressing=path|virtual``. Pure."""

from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from packwitness.hub.vault.interface import BadKey, check_key

FORM: Final = "s3://bucket/prefix?endpoint=https://…&public=https://…&region=…&addressing=path|virtual"
PREFIX_LIMIT: Final = 200
"""Longest prefix in characters: it and a key have to fit the 1,024 bytes that S3 allows."""

Addressing = Literal["auto", "path", "virtual"]


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket and the folder of it that is ours.

    ``endpoint`` is empty for Amazon's own. ``public`` is the store as stations reach it, where that differs
    from how the hub does. ``prefix`` ends with a slash or is empty.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    public: str = ""
    region: str = ""
    addressing: Addressing = "auto"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the form above. Everything but the bucket may be left out.

        Raises:
            ValueError: it is not of that form; the text says where. Credentials do not belong into it.
        """
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc or parts.port or parts.fragment:
            raise ValueError(f"must read {FORM}; credentials come from AWS's own variables, files or roles")
        prefix = unquote(parts.path).strip("/")
        if prefix:
            _check_prefix(prefix)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        options = dict(given)
        if len(options) != len(given):
            raise ValueError(f"names an option twice; it must read {FORM}")
        endpoint, public = _address(options, "endpoint"), _address(options, "public")
        region, addressing = options.pop("region", ""), options.pop("addressing", "")
        if options:
            raise ValueError(f"has no option {', '.join(sorted(options))}; it must read {FORM}")
        return cls(
            bucket=parts.netloc,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=endpoint,
            public=public,
            region=region,
            addressing=_addressing(addressing, endpoint),
        )


def _check_prefix(prefix: str) -> None:
    try:
        check_key(prefix)
    except BadKey:
        raise ValueError("has a prefix with other than letters, digits and ._- between slashes") from None
    if len(prefix) > PREFIX_LIMIT:
        raise ValueError(f"has a prefix of more than {PREFIX_LIMIT} characters")


def _address(options: dict[str, str], name: str) -> str:
    value = options.pop(name, "")
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise ValueError(f"has an {name} that is no http:// or https:// address")
    return value.rstrip("/")


def _addressing(value: str, endpoint: str) -> Addressing:
    """Return how the bucket is named: stores of one's own seldom have a host name for each bucket."""
    match value:
        case "":
            return "path" if endpoint else "auto"
        case "path" | "virtual":
            return value
    raise ValueError("has an addressing other than path or virtual")
