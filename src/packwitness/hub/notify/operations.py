from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from packwitness.hub.audit import operations as audit
from packwitness.hub.links import operations as links
from packwitness.hub.notify import tasks
from packwitness.hub.notify.models import Message, State
from packwitness.hub.recordings.models import Recording
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope

TELL_WITHIN = timedelta(days=14)
"""Who brings last year's orders in does not write to last year's buyers."""


@transaction.atomic
def tell_buyer(*, scope: Scope, recording: str, at: datetime) -> Message | None:
    """Queue the message about a recording for its order's buyer.

    Returns None where there is nobody to tell: no order yet, a cancelled one, no address, or a film that is
    older than ``TELL_WITHIN``. Asking again returns the message there already is.
    """
    row = access.one(Recording, scope, id=recording)
    order = row.shipment.order if row.shipment else None
    if order is None or order.status == "cancelled" or not order.buyer_email:
        return None
    if at - row.filmed_at > TELL_WITHIN:
        return None
    there = (
        access.rows(Message, scope)
        .filter(recording=row, channel="email", recipient=order.buyer_email)
        .first()
    )
    if there is not None:
        return there
    language = order.buyer_language or row.organisation.language
    message = Message(
        organisation_id=scope.organisation_id,
        recording=row,
        link=links.mint_link(scope=scope, recording=row.id, at=at),
        channel="email",
        recipient=order.buyer_email,
        language=language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE,
        next_attempt_at=at,
        created_at=at,
    )
    message.reference = f"packwitness.{message.id}"
    message.save(force_insert=True)
    tasks.send.enqueue(message_id=message.id)
    return message


@transaction.atomic
def send_again(*, scope: Scope, message: str, at: datetime) -> Message:
    """Queue a message once more because a person says so: after a failure, or when its outcome is unknown.

    It gets a new link if its own was closed or has run out.

    Raises:
        Http404: there is no such message here.
        PermissionDenied: the role may not send.
    """
    access.require(scope, "message.send")
    row = access.one(Message, scope, id=message)
    changed = Message.objects.filter(
        id=row.id, state__in=(State.FAILED, State.UNKNOWN, State.RETRYING)
    ).update(state=State.QUEUED, attempts=0, next_attempt_at=at, last_answer="")
    if changed:
        if row.link.revoked_at is not None or row.link.expires_at <= at:
            fresh = links.mint_link(scope=scope, recording=row.recording_id, at=at)
            Message.objects.filter(id=row.id).update(link=fresh)
        audit.record(scope=scope, action="message.sent_again", subject=f"message:{row.id}", at=at)
        tasks.send.enqueue(message_id=row.id)
        row.refresh_from_db()
    return row
