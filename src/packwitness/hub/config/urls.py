"""Every address of the hub."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from packwitness.hub.config import health
from packwitness.hub.config.api import integrators, stations

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", integrators.urls),
    path("api/station/v1/", stations.urls),
    path("accounts/", include("allauth.urls")),
    path("language/", login_not_required(set_language), name="set_language"),
    path("log/", include("packwitness.hub.notary.urls")),
    path("", include("packwitness.hub.tenants.urls")),
    path("", include("packwitness.hub.recordings.urls")),
    path("", include("packwitness.hub.bundles.urls")),
    path("", include("packwitness.hub.links.urls")),
    path("w/", include("packwitness.hub.watch.urls")),
    path("", include("packwitness.hub.desk.urls")),
]

handler400 = "packwitness.hub.ui.errors.bad_request"
handler403 = "packwitness.hub.ui.errors.forbidden"
handler404 = "packwitness.hub.ui.errors.not_found"
handler500 = "packwitness.hub.ui.errors.broken"
