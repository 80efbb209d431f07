"""The hub: whether it answers, knows this station, and what time it has. Without it a bench films on."""

import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from packwitness.station.app.clock import Measurement, measure
from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn
from packwitness.station.app.enrolment import is_loopback
from packwitness.station.spool.hub import Hub, HubAway, HubError, HubRefused, Unauthorised

DATE_MS = 500
"""A Date header is cut to whole seconds: its middle is at most half of one away."""
SLOW_MS = 2_000


@dataclass(frozen=True, slots=True)
class Met:
    """How a call went: how long it took and the hub's Date, or what went wrong."""

    round_trip_ms: float = 0.0
    offset: Measurement | None = None
    error: HubError | None = None


async def meet(hub: Hub) -> Met:
    """Call the hub twice, the second time on the same connection, which the times are taken from."""
    try:
        await hub.greet()
        sent_ms, began = time.time() * 1000, time.monotonic()
        date = await hub.greet()
        took_ms = (time.monotonic() - began) * 1000
    except HubError as error:
        return Met(error=error)
    return Met(took_ms, None if date is None else against(date, sent_ms=sent_ms, took_ms=took_ms))


def against(date: datetime, *, sent_ms: float, took_ms: float) -> Measurement:
    """How far our clock is from one that says `date`, in whole seconds."""
    hub_ms = date.timestamp() * 1000 + DATE_MS
    found = measure(sent_ms=sent_ms, answered_ms=sent_ms + took_ms, hub_ms=hub_ms)
    return Measurement(found.offset_ms, found.uncertainty_ms + DATE_MS, found.measured_ms)


def judge(met: Met, *, url: str) -> list[Verdict]:
    """Say how the hub at `url` answered."""
    parts = urlsplit(url)
    judged = []
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        judged.append(
            warn(
                "hub",
                "It is spoken to in the clear: films and this station's token can be read on the way.",
                "Give the hub a certificate, and its https:// address in station.toml.",
                subject="address",
            )
        )
    facts = {"round_trip_ms": round(met.round_trip_ms)}
    match met.error:
        case None:
            text = f"{url} knows this station; {met.round_trip_ms:.0f} ms there and back."
            slow = warn("hub", text, "Films go up slowly; the bench does not wait for them.", facts=facts)
            judged.append(slow if met.round_trip_ms > SLOW_MS else ok("hub", text, facts=facts))
        case Unauthorised():
            judged.append(
                fail(
                    "hub",
                    f"{url} does not know this station's token (any more).",
                    "Films are kept here. Look under Benches in the hub; enrol the station anew, or ask who "
                    "runs the hub.",
                    facts={"error": "unauthorised"},
                )
            )
        case HubAway() as away if _certificate(away):
            judged.append(
                fail(
                    "hub",
                    f"{url} shows a certificate that this machine does not trust.",
                    "Renew it, or have this machine trust who made it. Is the clock right?",
                    facts={"error": "certificate"},
                )
            )
        case HubAway():
            judged.append(
                warn(
                    "hub",
                    f"{url} does not answer.",
                    "Filming goes on; films wait here. Check the network, and that the hub runs.",
                    facts={"error": "away"},
                )
            )
        case HubRefused() as refused:
            judged.append(
                fail(
                    "hub",
                    f"{url} refuses: {refused.problem.detail}",
                    "Is this a Packwitness hub's address?",
                    facts={"error": "refused"},
                )
            )
        case _:
            judged.append(
                warn("hub", f"{url} cannot be asked.", "Check its address.", facts={"error": "hub"})
            )
    return judged


def _certificate(error: BaseException) -> bool:
    """Whether what kept us from the hub was its certificate."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)
