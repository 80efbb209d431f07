"""What a page offers where a browser cannot show H.265. The desk's page uses it too."""

from dataclasses import dataclass

from packwitness.hub.recordings.renditions import Offer


@dataclass(frozen=True)
class Copy:
    """How far the copy is, and the addresses of the copy, its state, what is signed about it, the original to
    keep, and this page again with the copy asked for.
    """

    offer: Offer
    source: str
    state: str
    record: str
    original: str
    ask: str

    @property
    def ready(self) -> bool:
        """Whether it can be played."""
        return self.offer.state == "ready"

    @property
    def hopeless(self) -> bool:
        """Whether there will be none."""
        return self.offer.state in ("off", "failed")

    @property
    def under_way(self) -> bool:
        """Whether it is being made."""
        return self.offer.state in ("waiting", "converting")


def copy_of(offer: Offer, *, source: str, state: str, record: str, original: str, ask: str) -> Copy | None:
    """Return what a page needs to know of a film's copy; None where every browser shows the original."""
    if offer.state == "needless":
        return None
    return Copy(offer, source, state, record, original, ask)
