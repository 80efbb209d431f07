"""What a message says: the recipient's language, the organisation's name, what was packed, the link."""

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext

from packwitness.hub.links import queries as links
from packwitness.hub.notify.channels.channel import Letter
from packwitness.hub.notify.models import Message


def write(message: Message) -> Letter:
    """Return the letter for ``message`` (with link, recording, shipment, order and organisation at hand)."""
    shipment = message.recording.shipment
    order = shipment.order if shipment else None
    with translation.override(message.language):
        facts = {
            "shop": message.organisation.name,
            "buyer": order.buyer_name if order else "",
            "order_number": order.number if order else "",
            "tracking_number": shipment.tracking_number if shipment else message.recording.code,
            "lines": list(order.lines.all()) if order else [],
            "link": links.address(message.link),
            "language": message.language,
        }
        return Letter(
            reference=message.reference,
            recipient=message.recipient,
            # A name may hold a line break; a subject may not.
            subject=" ".join((gettext("%(shop)s: see your parcel being packed") % facts).split()),
            text=render_to_string("notify/packed.txt", facts),
            html=render_to_string("notify/packed.html", facts),
            language=message.language,
            written_at=message.created_at,
        )
