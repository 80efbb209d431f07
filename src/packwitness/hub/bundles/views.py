"""Bundles and exports over HTTP."""

import tempfile
from collections.abc import Iterator
from typing import IO

from django.conf import settings
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from packwitness.evidence.bundle import stream_bundle
from packwitness.hub.bundles import contents, operations
from packwitness.hub.recordings import queries
from packwitness.hub.recordings.models import Take, TakeState
from packwitness.hub.recordings.playback_views import streamed
from packwitness.hub.recordings.stored import NoFilm
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.scope.scope import Scope

_BLOCK = 256 << 10


@require_GET
def bundle(request: ScopedRequest, take: str) -> HttpResponseBase:
    """A take's evidence bundle."""
    access.require(request.scope, "bundle.download")
    return bundle_view(request, queries.take(scope=request.scope, take=take), scope=request.scope)


@require_GET
def export(request: ScopedRequest, take: str, camera: str) -> HttpResponseBase:
    """A camera's film with Content Credentials."""
    access.require(request.scope, "bundle.download")
    row = queries.take(scope=request.scope, take=take)
    # Without a name on disk: whatever becomes of this process, the copy is gone with it.
    copy = tempfile.TemporaryFile(dir=settings.DATA_DIR)  # noqa: SIM115 - closed when the answer is sent
    try:
        operations.export_mp4(scope=request.scope, take=row.id, camera=camera, out=copy, at=timezone.now())
    except NoFilm as error:
        copy.close()
        raise Http404(str(error)) from error
    except BaseException:
        copy.close()
        raise
    size = copy.seek(0, 2)
    answer = streamed(request, _Blocks(copy), content_type="video/mp4")
    answer["Content-Length"] = str(size)
    return _attached(answer, f"{row.id}-{camera}-signed.mp4")


def bundle_view(request: HttpRequest, take: Take, *, scope: Scope) -> HttpResponseBase:
    """Answer with a take's bundle, written as it is sent. Who may have it is decided by the caller."""
    if take.state != TakeState.SEALED:
        raise Http404(f"Take {take.id} is {take.state}.")
    try:
        members = contents.members(take)
        first = next(members)
    except NoFilm as error:
        raise Http404(str(error)) from error
    operations.record_bundle(scope=scope, take=take, at=timezone.now())

    def all_members() -> Iterator[contents.Member]:
        yield first
        yield from members

    answer = streamed(request, stream_bundle(all_members()), content_type="application/zip")
    return _attached(answer, f"{take.id}.zip")


def _attached(answer: StreamingHttpResponse, name: str) -> StreamingHttpResponse:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


class _Blocks:
    """The bytes of an open file from its beginning; the file is closed with it, read or not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._file.read(_BLOCK)
        if not block:
            raise StopIteration
        return block

    def close(self) -> None:
        self._file.close()
