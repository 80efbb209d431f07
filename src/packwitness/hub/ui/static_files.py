"""Static files straight from the installed packages: no ``collectstatic``, nothing out of date."""

import hashlib
from functools import cache
from pathlib import Path

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]  # it ships none


@cache
def version_of(name: str) -> str:
    """Return ten characters that change with the file's bytes; empty when there is no such file."""
    path = finders.find(name)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10] if path else ""


class VersionedStorage(StaticFilesStorage):
    """Adds ``?v=`` and a digest to each address, so that browsers may keep a file for ever and still see a
    new one.
    """

    def url(self, name: str | None) -> str:
        address = super().url(name)
        version = version_of(name or "")
        return f"{address}?v={version}" if version else address


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise ships no types
    """WhiteNoise that answers from memory and, being asynchronous too, leaves streaming answers alone."""

    async_capable = True
    sync_capable = True

    def __init__(self, get_response):  # type: ignore[no-untyped-def]  # as untyped as its base
        super().__init__(get_response)
        self.asynchronous = iscoroutinefunction(get_response)
        if self.asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        found = self.answer(request)
        if self.asynchronous:
            return self.__acall__(request, found)  # type: ignore[return-value]  # Django awaits it
        return found or self.get_response(request)

    async def __acall__(self, request: HttpRequest, found: HttpResponse | None) -> HttpResponseBase:
        return found or await self.get_response(request)

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """Return the file's response, or None when the address names no static file."""
        static_file = self.files.get(request.path_info)
        if static_file is None:
            return None
        whole = static_file.get_response(request.method, request.META)
        body = b""
        if whole.file is not None:
            with whole.file:
                body = whole.file.read()
        response = HttpResponse(body, status=int(whole.status))
        del response["content-type"]
        for key, value in whole.headers:
            response[key] = value
        if "v" in request.GET:
            response["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
