"""Whether the hub is alive (``/healthz``) and whether it can work (``/readyz``)."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from packwitness import __version__
from packwitness.hub.config.condition import pending_migrations


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; touches nothing else."""
    return JsonResponse({"status": "ok", "version": __version__})


@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether the database answers with every migration applied, and whether the data folder can be
    written.
    """
    faults = {}
    try:
        if pending_migrations():
            faults["database"] = "migrations are missing: run `packwitness hub migrate`"
    except DatabaseError:
        faults["database"] = "does not answer"
    try:
        probe = settings.DATA_DIR / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        faults["data_dir"] = f"cannot be written: {error.strerror}"
    return JsonResponse({"status": "degraded" if faults else "ok", **faults}, status=503 if faults else 200)
