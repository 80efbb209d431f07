"""Which codec an MP4 init segment announces, as a browser wants to be told (RFC 6381)."""


def mime_type(init: bytes) -> str | None:
    """Return the MIME type with codec of an init segment with one video track; None where it cannot be told.

    Looks for the ``avcC`` or ``hvcC`` box by its name instead of walking the tree: an init holds a few
    hundred bytes of tables,
    no media, and one of the two.
    """
    if (at := init.find(b"avcC")) >= 0 and len(init) >= at + 8:
        return f'video/mp4; codecs="avc1.{init[at + 5 : at + 8].hex()}"'
    if (at := init.find(b"hvcC")) >= 0 and len(init) >= at + 17:
        return f'video/mp4; codecs="{_hevc(init[at + 4 : at + 17])}"'
    return None


def is_init(data: bytes) -> bool:
    """Say whether a piece of a live stream is an init segment."""
    return data[4:8] == b"ftyp"


def _hevc(box: bytes) -> str:
    """Write the HEVCDecoderConfigurationRecord's first fields as ISO/IEC 14496-15, annex E.3, wants them."""
    profile = ("", "A", "B", "C")[box[1] >> 6] + str(box[1] & 0x1F)
    compatibility = int(f"{int.from_bytes(box[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if box[1] & 0x20 else "L"
    constraints = box[6:12].rstrip(b"\0")
    return ".".join(
        ["hvc1", profile, f"{compatibility:x}", f"{tier}{box[12]}", *(f"{byte:x}" for byte in constraints)]
    )
