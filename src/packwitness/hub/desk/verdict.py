"""A verdict in the words of people who pack parcels."""

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext

from packwitness.evidence.verdict import KeyLine, TimeLine, Verdict
from packwitness.hub.watch.page import Line, shortened


def lines(verdict: Verdict) -> list[Line]:
    """Return the verdict's three lines (docs/design/evidence.md, "Verdict"), never one word."""
    return [_integrity(verdict), _key(verdict.key), _time(verdict.time)]


def notes(verdict: Verdict) -> list[str]:
    """Return what a reader should know although it breaks nothing."""
    words = {
        "no_receipt": gettext("There is no receipt."),
        "no_log": gettext("The log's proof is not there yet; it is made within minutes."),
        "no_time_stamp": "",  # the line about time says it
        "film_not_checked": "",  # said once on the page, not once for each camera
        "gaps": gettext("The station reports a gap in the film."),
        "dropped_packets": gettext("The station could not keep some pictures."),
        "lost_packets": gettext("The network lost packets on the way from the camera; pictures may show it."),
        "stalls": gettext("A camera stopped giving pictures for a while."),
        "label_unreadable": gettext("The label could not be read in the film."),
        "interrupted": gettext("The film was cut short: the power, the station or the cameras failed."),
        "clock_not_measured": gettext("The station's clock was not compared with another one."),
        "sealed_in_future": gettext("The station's clock runs ahead of this hub's."),
        "sealed_after_stamp": gettext("The station's clock contradicts the time stamp."),
    }
    found = [words.get(note.code, note.code) for note in verdict.notes]
    return list(dict.fromkeys(text for text in found if text))


def _integrity(verdict: Verdict) -> Line:
    integrity = verdict.integrity
    if integrity.unchanged:
        text = gettext("Sealed by the station's key %(key)s.") % {"key": shortened(integrity.key)}
        return Line("good", gettext("Unchanged since it was sealed"), text)
    count = len(integrity.findings)
    text = ngettext("%(count)d thing is wrong: %(codes)s.", "%(count)d things are wrong: %(codes)s.", count)
    codes = ", ".join(dict.fromkeys(finding.code for finding in integrity.findings[:10]))
    return Line("bad", gettext("Changed after it was sealed"), text % {"count": count, "codes": codes})


def _key(key: KeyLine) -> Line:
    if key.state == "trusted":
        text = gettext("Certified by the organisation's key %(key)s.") % {"key": shortened(key.fingerprint)}
        title = gettext("The key belongs to %(organisation)s") % {"organisation": key.organisation}
        return Line("good", title, text)
    if key.state == "foreign":
        return Line("bad", gettext("The key is not this organisation's"), key.reason)
    return Line("warn", gettext("The key was not checked"), key.reason)


def _time(time: TimeLine) -> Line:
    if time.trusted and time.moment is not None:
        moment = date_format(localtime(time.moment), "DATETIME_FORMAT")
        text = gettext("Not later than %(moment)s, says %(authority)s.")
        title = gettext("The time is vouched for")
        return Line("good", title, text % {"moment": moment, "authority": time.authority})
    if time.offset_ms is None:
        text = gettext("No independent authority has stamped it.")
    else:
        text = gettext("No independent authority has stamped it. Its clock was off by %(offset)d ms.")
        text %= {"offset": time.offset_ms}
    return Line("warn", gettext("The time is the station's own word"), text)
