"""Films over HTTP: ranges, conditions, streaming. The caller decides who may see which window."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from packwitness.hub.recordings import captions, playback, renditions
from packwitness.hub.recordings.layout import WHOLE, Window
from packwitness.hub.recordings.models import Take, TakeState
from packwitness.hub.recordings.playback import HLS, MP4, FilmSource, NoFilm

VTT: Final = "text/vtt; charset=utf-8"
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
FIXED: Final = "private, max-age=3600, immutable"
"""The bytes under this address never change; only the asker's own cache may keep them."""
CHANGING: Final = "private, no-cache"


def film_view(
    request: HttpRequest, take: Take, camera: str, window: Window = WHOLE, *, name: str = ""
) -> HttpResponseBase:
    """Answer with a film, or the range of it that was asked for. With a ``name`` it is a download."""
    try:
        source = playback.film(take, camera, window.from_ms, window.to_ms)
    except NoFilm as error:
        raise Http404(str(error)) from error
    answer = ranged(request, source, cache=CHANGING)
    # The address stays while the window may change (an earlier take may turn out to reach into this one).
    answer["Content-Disposition"] = f'attachment; filename="{name}"' if name else "inline"
    return answer


def copy_view(request: HttpRequest, take: Take, camera: str, window: Window = WHOLE) -> HttpResponseBase:
    """Answer with a film's converted copy, or the range of it that was asked for."""
    try:
        source = renditions.film(take, camera, window.from_ms, window.to_ms)
    except NoFilm as error:
        raise Http404(str(error)) from error
    answer = ranged(request, source, cache=CHANGING)
    answer["Content-Disposition"] = "inline"
    return answer


def copy_state_view(take: Take, camera: str, *, source: str, at: datetime) -> JsonResponse:
    """Have a film's copy made if it is not there, and say how far it is; ``source`` is where it will be."""
    offer = renditions.ask(take=take, camera=camera, at=at)
    answer = JsonResponse(
        {
            "state": offer.state,
            "percent": offer.percent,
            "source": source,
            "type": f'{MP4}; codecs="{offer.codec}"',
        }
    )
    answer["Cache-Control"] = "private, no-store"
    return answer


def copy_record_view(take: Take, camera: str) -> HttpResponse:
    """Answer with what the hub has signed about a copy, and the certificates to check it with."""
    try:
        record = renditions.record(take, camera)
    except NoFilm as error:
        raise Http404(str(error)) from error
    answer = HttpResponse(record, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{take.id}-{camera}-copy.json"'
    answer["Cache-Control"] = CHANGING
    return answer


def playlist_view(
    request: HttpRequest, take: Take, camera: str, window: Window = WHOLE, *, base_url: str = ""
) -> HttpResponse:
    """Answer with the HLS playlist; its segments are below ``base_url``, by default ``<camera>/``."""
    try:
        text = playback.playlist(take, camera, base_url or f"{camera}/", window)
    except NoFilm as error:
        raise Http404(str(error)) from error
    return _plain(text, HLS, "private, no-store")


def segment_view(
    request: HttpRequest, take: Take, camera: str, first: int, last: int, window: Window = WHOLE
) -> HttpResponseBase:
    """Answer with a playlist's segment."""
    try:
        return ranged(request, playback.segment(take, camera, first, last, window), cache=FIXED)
    except NoFilm as error:
        raise Http404(str(error)) from error


def init_view(request: HttpRequest, take: Take, camera: str, number: int) -> HttpResponseBase:
    """Answer with an init segment; it shows nothing, so it needs no window."""
    try:
        return ranged(request, playback.init(take, camera, number), cache=FIXED)
    except NoFilm as error:
        raise Http404(str(error)) from error


def captions_view(
    request: HttpRequest, take: Take, language: str, window: Window = WHOLE, *, camera: str = ""
) -> HttpResponse:
    """Answer with captions beside the film of a camera, the first one unless another is named."""
    text = captions.captions(
        take.events,
        language=language,
        offset_ms=_offset_ms(take, camera),
        window=window,
        end_ms=take.duration_ms,
    )
    return _plain(text, VTT, CHANGING)


def chapters_view(
    request: HttpRequest, take: Take, language: str, window: Window = WHOLE, *, camera: str = ""
) -> HttpResponse:
    """Answer with chapters beside the film of a camera, the first one unless another is named."""
    text = captions.chapters(
        take.events,
        language=language,
        offset_ms=_offset_ms(take, camera),
        window=window,
        end_ms=take.duration_ms or 0,
    )
    return _plain(text, VTT, CHANGING)


def ranged(request: HttpRequest, source: FilmSource, *, cache: str = CHANGING) -> HttpResponseBase:
    """Answer a GET or HEAD for a virtual file with 200, 206, 304 or 416 (RFC 9110: one range, If-Range,
    ETag).
    """
    etag = f'"{source.etag}"'
    if request.headers.get("If-None-Match") in (etag, "*"):
        return _headed(HttpResponse(status=304), etag, cache)
    size = source.size
    wanted = _wanted_range(request, etag, size)
    if wanted is None:
        start, end, status = 0, size, 200
    else:
        start, end = wanted
        status = 206
        if start >= end:
            answer: HttpResponseBase = HttpResponse(status=416)
            answer["Content-Range"] = f"bytes */{size}"
            return _headed(answer, etag, cache)
    if request.method == "HEAD":
        answer = HttpResponse(status=status, content_type=source.content_type)
    else:
        answer = streamed(
            request, source.open_range(start, end), content_type=source.content_type, status=status
        )
    answer["Content-Length"] = str(end - start)
    if status == 206:
        answer["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return _headed(answer, etag, cache)


def _wanted_range(request: HttpRequest, etag: str, size: int) -> tuple[int, int] | None:
    """Return the range asked for as (start, end), empty if it cannot be satisfied; None for the whole file.

    Several ranges, and units other than bytes, are answered with the whole file, as RFC 9110 allows.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-" or request.headers.get("If-Range", etag) != etag:
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    if match[2] and int(match[2]) < start:
        return None
    return start, max(start, end) if start < size else start


def streamed(
    request: HttpRequest, blocks: Iterator[bytes], *, content_type: str, status: int = 200
) -> StreamingHttpResponse:
    """Return an answer that sends blocks as they are made, never holding more than one."""
    body = _InThreads(blocks) if isinstance(request, ASGIRequest) else blocks
    return StreamingHttpResponse(body, status=status, content_type=content_type)


class _InThreads:
    """Blocks read outside the event loop, one at a time; what they come from is closed with the answer."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._following = sync_to_async(lambda: next(blocks, None), thread_sensitive=False)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        block = await self._following()
        if block is None:
            raise StopAsyncIteration
        return block

    def close(self) -> None:
        if close := getattr(self._blocks, "close", None):
            close()


def _headed[Answer: HttpResponseBase](answer: Answer, etag: str, cache: str) -> Answer:
    answer["ETag"] = etag
    answer["Accept-Ranges"] = "bytes"
    answer["Cache-Control"] = cache
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


def _plain(text: str, content_type: str, cache: str) -> HttpResponse:
    answer = HttpResponse(text, content_type=content_type)
    answer["Cache-Control"] = cache
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _offset_ms(take: Take, camera: str) -> int:
    if take.state != TakeState.SEALED:
        raise Http404(f"Take {take.id} is not sealed yet.")
    found = take.camera(camera) if camera else next(iter(take.cameras), None)
    if found is None:
        raise Http404(f"Take {take.id} has no camera {camera}.")
    return int(found.get("offset_ms", 0))
