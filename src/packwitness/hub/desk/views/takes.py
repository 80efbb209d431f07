"""One take with everything about it."""

from typing import Any

from django.conf import settings
from django.contrib import messages as notices
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from packwitness.hub.audit import operations as audit
from packwitness.hub.audit import queries as audit_queries
from packwitness.hub.desk import verdict, words
from packwitness.hub.links import operations as link_operations
from packwitness.hub.links import queries as links
from packwitness.hub.notify import queries as notify
from packwitness.hub.orders.models import Order
from packwitness.hub.recordings import captions, losses, queries, renditions, stored
from packwitness.hub.recordings.models import Take, TakeState
from packwitness.hub.recordings.stored import NoFilm
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.watch.copies import Copy, copy_of
from packwitness.hub.watch.names import camera_name, courier_name
from packwitness.hub.watch.page import clock

LIVE_POLL_SECONDS = 1
SHOWN_LOOKS = 20


@require_safe
def take(request: ScopedRequest, take: str) -> HttpResponse:
    """Show one take: film, events, verdict, order, links, messages, who looked."""
    access.require(request.scope, "film.view")
    row = queries.take(scope=request.scope, take=take)
    span = row.spans.select_related("recording__shipment__order").first()
    recording = span.recording if span else None
    shipment = recording.shipment if recording else None
    now = timezone.now()
    cameras = [
        {**one, "name": camera_name(one["id"], one.get("name", ""))}
        for one in row.cameras
        if row.state != TakeState.SEALED or one.get("parts", 0)
    ]
    wanted = request.GET.get("camera", "")
    camera = next((one for one in cameras if one["id"] == wanted), cameras[0] if cameras else None)
    codec = stored.codec(row, camera["id"]) if camera else ""
    if camera and "copy" in request.GET:
        renditions.ask(take=row, camera=camera["id"], at=now)
    context: dict[str, Any] = {
        "take": row,
        "cameras": cameras,
        "camera": camera,
        "codec": codec,
        "copy": _copy(row, camera["id"]) if camera else None,
        "lost": losses.of_take(row) if row.state == TakeState.SEALED else "",
        "losses": losses.of_camera(row, camera["id"]) if camera and row.state == TakeState.SEALED else None,
        "events": _events(row, camera),
        "waits": queries.waits_for_station(row, at=now),
        "length": clock(row.duration_ms / 1000) if row.duration_ms is not None else "",
        "poll_seconds": LIVE_POLL_SECONDS,
        "languages": settings.LANGUAGES,
        "recording": recording,
        "shipment": shipment,
        "courier": courier_name(shipment.courier) if shipment else "",
        **_order(request, shipment.order if shipment else None),
        "links": links.links_of(scope=request.scope, recording=recording.id) if recording else (),
        "sent": notify.messages_of(scope=request.scope, recording=recording.id) if recording else (),
        "looks": _looks(request, row),
        "now": now,
        **_verdict(request, row),
    }
    return render(request, "desk/take.html", context)


@require_safe
def take_state(request: ScopedRequest, take: str) -> JsonResponse:
    """Say how far a take is, and in what its ``?camera=`` films, for a page that plays it while it runs."""
    access.require(request.scope, "film.view")
    row = queries.take(scope=request.scope, take=take)
    answer = JsonResponse({"state": row.state, "codec": stored.codec(row, request.GET.get("camera", ""))})
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_POST
def mint_link(request: ScopedRequest, take: str) -> HttpResponse:
    """Make another link to the take's recording."""
    row = queries.take(scope=request.scope, take=take)
    span = row.spans.first()
    if span is not None:
        link_operations.mint_link(scope=request.scope, recording=span.recording_id, at=timezone.now())
        notices.success(request, gettext("A new link was made."))
    return redirect("desk:take", take=row.id)


@require_POST
def revoke_link(request: ScopedRequest, link: str) -> HttpResponse:
    """Close a link."""
    link_operations.revoke_link(scope=request.scope, link=link, at=timezone.now())
    notices.success(request, gettext("The link is closed. Whoever opens it is told so."))
    take = request.POST.get("take", "")
    return redirect("desk:take", take=take) if take else redirect("desk:takes")


def _order(request: ScopedRequest, order: Order | None) -> dict[str, Any]:
    may_see_person = access.allows(request.scope, "person.view")
    has_person = order is not None and bool(order.buyer_name or order.buyer_email or order.buyer_phone)
    if order is not None and may_see_person and has_person:
        audit.record(
            scope=request.scope, action="person.viewed", subject=f"order:{order.id}", at=timezone.now()
        )
    return {
        "order": order,
        "goods": list(order.lines.all()) if order else [],
        "may_see_person": may_see_person,
        "has_person": has_person,
    }


def _copy(row: Take, camera: str) -> Copy | None:
    names = [row.id, camera]
    return copy_of(
        renditions.offer(row, camera),
        source=reverse("recordings:copy", args=names),
        state=reverse("recordings:copy_state", args=names),
        record=reverse("recordings:copy_record", args=names),
        original=reverse("recordings:film", args=names) + "?download=1",
        ask=f"?camera={camera}&copy=1",
    )


def _verdict(request: ScopedRequest, row: Take) -> dict[str, Any]:
    """Judge the take again now; a film whose manifest is gone says so instead of breaking the page."""
    if row.state != TakeState.SEALED:
        return {}
    try:
        found = queries.verdict(scope=request.scope, take=row.id, at=timezone.now())
    except NoFilm:
        return {"unjudged": True}
    return {"verdict": verdict.lines(found), "verdict_notes": verdict.notes(found)}


def _looks(request: ScopedRequest, row: Take) -> list[dict[str, Any]]:
    if not access.allows(request.scope, "audit.view"):
        return []
    found = audit_queries.entries(scope=request.scope, subject=f"take:{row.id}")[:SHOWN_LOOKS]
    return [
        {
            "entry": entry,
            "actor": words.actor(entry.actor_kind, entry.actor_id, entry.actor_name),
            "action": words.action(entry.action),
        }
        for entry in found
    ]


def _events(row: Take, camera: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return what a person would want to jump to, in seconds of the chosen camera's film."""
    offset = int(camera.get("offset_ms", 0)) if camera else 0
    found = []
    for event in row.events:
        text = captions.words(event)
        if text:
            at = max(0, event["at_ms"] - offset) / 1000
            found.append({"at": f"{at:.1f}", "clock": clock(at), "text": text, "kind": event["kind"]})
    return found
