"""How messages leave: one folder a channel, one line each here."""

from packwitness.hub.notify.channels.channel import Channel
from packwitness.hub.notify.channels.email.channel import EmailChannel

CHANNELS: dict[str, type[Channel]] = {"email": EmailChannel}
