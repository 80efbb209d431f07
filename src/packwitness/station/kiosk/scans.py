"""The HTTP trigger: scans that another program sends, a warehouse system, a robot cell, a phone.

    POST /api/benches/{bench}/scans      Authorization: Bearer <the station's trigger token>
    {"code": "607812345678"}         ->  202 {"accepted": true, "state": "recording", "take": "…",
                                              "message": "filming"}

A program that learns of a scan late says so: ``"ago_ms": 1500`` has the film begin where the scan was.

202 means the bench has heard it; ``accepted`` says whether it did what the code asks. Errors are RFC 9457
problems.
"""

import hmac
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from packwitness.protocol.models import Problem
from packwitness.station.kiosk.view import OnScan
from packwitness.station.workflow.codes import CODE_LIMIT, CodeRefused, normalise
from packwitness.station.workflow.effects import Answer, Phase
from packwitness.station.workflow.events import Source

BODY_LIMIT: Final = 4_096
"""Largest request body in bytes."""


class ScanRequest(BaseModel):
    """``source`` is the caller's own name for itself; it goes nowhere but into the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # Longer than a code may be: what is too long is refused with the code's own reason.
    code: Annotated[str, StringConstraints(max_length=3 * CODE_LIMIT)]
    source: Annotated[str, StringConstraints(max_length=64)] = ""
    ago_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0


class ScanAnswer(BaseModel):
    """What became of the scan. ``message`` is a short name such as ``filming`` or
    ``finish_running_first``."""

    model_config = ConfigDict(frozen=True)

    accepted: bool
    state: Phase
    take: str | None
    message: str
    source: str = ""


def scan_routes(benches: Mapping[str, OnScan], *, token: str, late_ms: int = 0) -> list[Route]:
    """Return the routes for these benches; ``token`` is compared in constant time. An empty token closes
    them. ``late_ms``: how late a scan may come."""

    async def scans(request: Request) -> Response:
        if not _authorised(request, token):
            return _problem(
                401,
                "unauthorised",
                "Send 'Authorization: Bearer <token>' with this station's trigger token.",
                {"www-authenticate": "Bearer"},
            )
        if (on_scan := benches.get(request.path_params["bench"])) is None:
            return _problem(404, "bench_unknown", f"This station serves: {', '.join(sorted(benches))}.")
        if (body := await _body(request)) is None:
            return _problem(413, "body_too_large", f"The body may have {BODY_LIMIT} bytes.")
        try:
            scan = ScanRequest.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            return _problem(400, "body_invalid", f'{place}: {first["msg"]}. Send {{"code": "…"}} as JSON.')
        try:
            normalise(scan.code)
        except CodeRefused as refused:
            return _problem(422, refused.reason, refused.advice)
        if scan.ago_ms > late_ms:
            return _problem(
                422, "scan_too_late", f"Films are kept {late_ms} ms back; raise late_scan_s in station.toml."
            )
        return _answer(await on_scan(scan.code, Source.HTTP, scan.ago_ms), scan.source)

    return [Route("/api/benches/{bench}/scans", scans, methods=["POST"])]


def _authorised(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    matches = hmac.compare_digest(given.strip().encode(), token.encode())
    return bool(token) and scheme.lower() == "bearer" and matches


async def _body(request: Request) -> bytes | None:
    """Read the body; None as soon as it is larger than allowed, whatever Content-Length says."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return body


def _answer(answer: Answer, source: str) -> Response:
    told = ScanAnswer(
        accepted=answer.accepted, state=answer.state, take=answer.take, message=answer.message, source=source
    )
    return JSONResponse(told.model_dump(mode="json"), status_code=202)


def _problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    problem = Problem(title=code.replace("_", " "), status=status, detail=detail, code=code)
    return JSONResponse(
        problem.model_dump(mode="json"), status, headers, media_type="application/problem+json"
    )
