"""The hub as an ASGI application."""

import os
from typing import cast

from django.core.asgi import get_asgi_application

from packwitness.hub.recordings.body_limit import Application, BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "packwitness.hub.config.settings")

# Django's own types of the two callables are narrower than ASGI's.
application = BodyLimit(cast("Application", get_asgi_application()))
