"""Headers of an answer, as RTSP and HTTP write them alike."""

from collections.abc import Iterable


def read_headers(lines: Iterable[str]) -> dict[str, str]:
    """Names in lower case. Of a name that comes again the last counts; but each `www-authenticate` is another
    way to let us in, so these are kept, one a line.
    """
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "www-authenticate" and name in headers:
            value = f"{headers[name]}\n{value}"
        headers[name] = value
    return headers
