"""The hub's settings with one slow hearer, for tests that kill real workers."""

from packwitness.hub.config.settings import *  # noqa: F403 - Django reads the names from here

OUTBOX_SUBSCRIBERS = {"take.sealed": ("tests.hub.outbox.hearers.slow",)}
