"""How codes are compared: a label, a keyboard and a spreadsheet write the same number differently."""

import unicodedata


def code_key(code: str) -> str:
    """Return ``code`` as it is compared: NFKC (full-width digits become plain), upper case, no spaces, no
    dashes.
    """
    text = unicodedata.normalize("NFKC", code).upper()
    return "".join(letter for letter in text if not letter.isspace() and unicodedata.category(letter) != "Pd")


def digits(phone: str) -> str:
    """Return the digits of a telephone number, which is how it is searched."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", phone) if letter.isdecimal())
