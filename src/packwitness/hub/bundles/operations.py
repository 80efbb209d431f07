"""What leaves the house."""

from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings

from packwitness.evidence.bundle import BundleWriter
from packwitness.hub.audit import operations as audit
from packwitness.hub.bundles import contents, credentials
from packwitness.hub.recordings import queries
from packwitness.hub.recordings.models import Take
from packwitness.hub.recordings.proof import TakeBundle
from packwitness.hub.recordings.stored import NoFilm
from packwitness.hub.scope.scope import Scope


def write_bundle(*, scope: Scope, take: str, out: IO[bytes], at: datetime) -> None:
    """Write a sealed take's evidence bundle (a ZIP) into a stream that need not seek.

    Raises:
        Http404: there is no such take.
        NoFilm: it is not sealed.
    """
    row = queries.take(scope=scope, take=take)
    record_bundle(scope=scope, take=row, at=at)
    with BundleWriter(out) as writer:
        for name, content in contents.members(row):
            writer.add(name, content)


def record_bundle(*, scope: Scope, take: Take, at: datetime) -> None:
    """Record that a bundle left the house."""
    audit.record(scope=scope, action="bundle.downloaded", subject=f"take:{take.id}", at=at)


def export_mp4(*, scope: Scope, take: str, camera: str, out: BinaryIO, at: datetime) -> None:
    """Write a camera's film with Content Credentials into a stream that can seek and be read.

    Raises:
        Http404: there is no such take.
        NoFilm: it is not sealed, or has no film of this camera.
    """
    row = queries.take(scope=scope, take=take)
    with TakeBundle(row) as bundle:
        name = f"films/{camera}.mp4"
        if name not in bundle:
            raise NoFilm(f"take {row.id} has no film of camera {camera}")
        with bundle.open(name) as film:
            credentials.sign_film(
                folder=Path(settings.KEYS_DIR) / "c2pa",
                source=film,
                target=out,
                title=f"{row.id} {camera}",
                facts={
                    "take": row.id,
                    "camera": camera,
                    "manifest_sha256": row.manifest_digest,
                    "organisation": row.organisation_id,
                },
                at=at,
            )
    audit.record(
        scope=scope, action="film.exported", subject=f"take:{row.id}", detail={"camera": camera}, at=at
    )
