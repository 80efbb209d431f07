"""What an evidence bundle consists of (docs/design/evidence.md, "Bundle")."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from string import Template

from django.conf import settings

from packwitness.evidence.canonical import format_time
from packwitness.hub.recordings import captions
from packwitness.hub.recordings.models import Take
from packwitness.hub.recordings.proof import TakeBundle

type Member = tuple[str, bytes | Iterable[bytes]]

_TEXTS = {"README.txt": "readme", "what-this-does-not-show.txt": "limits"}
_RULE = "\n" + "-" * 100 + "\n\n"


def members(take: Take) -> Iterator[Member]:
    """Yield the files of a sealed take's bundle, what a person reads first coming first; films are never held
    whole.

    Raises:
        NoFilm: the take is not sealed.
    """
    bundle = TakeBundle(take)
    for name, stem in _TEXTS.items():
        yield name, _text(stem, take)
    yield from bundle.files.items()
    yield from _captions(take)
    for name, film in bundle.films.items():
        yield name, film.open_range()


def _captions(take: Take) -> Iterator[Member]:
    """Yield captions beside the first camera's film, and beside another's if its film begins at another
    moment.
    """
    offsets = [(camera["id"], int(camera.get("offset_ms", 0))) for camera in take.cameras]
    for language, _ in settings.LANGUAGES:
        for position, (camera, offset_ms) in enumerate(offsets):
            if position and offset_ms == offsets[0][1]:
                continue
            text = captions.captions(
                take.events, language=language, offset_ms=offset_ms, end_ms=take.duration_ms
            )
            name = f"captions/{camera}.{language}.vtt" if position else f"captions/{language}.vtt"
            yield name, text.encode()


def _text(stem: str, take: Take) -> bytes:
    facts = {
        "take": take.id,
        "code": take.code,
        "kind": take.kind,
        "bench": take.bench.name,
        "organisation": take.organisation.name,
        "film_from": format_time(take.film_from),
        "film_until": format_time(take.film_until or take.film_from),
        "outcome": take.outcome,
    }
    folder = files("packwitness.hub.bundles") / "texts"
    languages = [(folder / f"{stem}.{language}.txt").read_text("utf-8") for language, _ in settings.LANGUAGES]
    return _RULE.join(Template(text).substitute(facts) for text in languages).encode()
