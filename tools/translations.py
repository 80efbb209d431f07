"""Keep the translations complete, with Babel alone: no gettext programs are needed.

    python tools/translations.py extract    collect the source's texts into every language's .po file
    python tools/translations.py compile    write the .mo files that the programs read
    python tools/translations.py check      exit 1 and a list when a text is missing, fuzzy, untranslated, has
                                            lost a placeholder, or when a .mo is not what its .po says

English is the source language: its texts are the msgids, and it has no files. The .po files carry no dates,
line numbers or tool versions, and the .mo files depend on nothing but them: both change only with the texts.
"""

import argparse
import io
import re
import struct
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract, extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("ko",)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
COMMENT_TAGS = ("Translators",)
PLACEHOLDERS = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}|</?[a-z][^>]*>")
KEPT_HEADERS = ("Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")

Key = tuple[str | None, str]
"""What names a message: its context and its (singular) msgid."""


@dataclass(frozen=True)
class Domain:
    """One set of translation files and the source it is collected from."""

    name: str
    source: Path
    locale: Path
    templates: str

    def po(self, language: str) -> Path:
        return self.locale / language / "LC_MESSAGES" / f"{self.name}.po"

    def languages(self) -> list[str]:
        """Every language that has a file, and those that must have one."""
        there = {path.parts[-3] for path in self.locale.glob(f"*/LC_MESSAGES/{self.name}.po")}
        return sorted(there | set(LANGUAGES))


def domains(root: Path) -> list[Domain]:
    package = root / "src" / "packwitness"
    station = package / "station"
    return [
        Domain("django", package / "hub", package / "hub" / "locale", "django"),
        Domain("kiosk", station, station / "kiosk" / "locale", "jinja"),
    ]


# --- collecting -------------------------------------------------------------------------------------------


def django_template(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    """Babel's extraction method for Django templates.

    `templatize` turns a template into calls of gettext between blanked-out text. Inside parentheses Python's
    tokenizer does not mind how that text is indented.
    """
    calls = f"({templatize(file.read().decode())}\n)".encode()
    yield from extract_python(io.BytesIO(calls), keywords, comment_tags, {"encoding": "utf-8"})


def collect(domain: Domain) -> Catalog:
    """All messages of a domain's source, with the files they come from."""
    catalog = Catalog(charset="utf-8", fuzzy=False)
    for path in sorted(domain.source.rglob("*")):
        method = method_of(path.relative_to(domain.source), domain)
        if method is None:
            continue
        place = path.relative_to(domain.source).as_posix()
        options = {"encoding": "utf-8", "silent": "false", "trimmed": "true"}
        with path.open("rb") as file:
            for line, text, comments, context in extract(method, file, KEYWORDS, COMMENT_TAGS, options):
                catalog.add(text, None, [(place, line)], auto_comments=comments, context=context)
    return catalog


def method_of(path: Path, domain: Domain) -> "str | Callable[..., Any] | None":
    """How Babel shall read a file; None for a file without texts."""
    if path.suffix == ".py":
        return "python"
    if "templates" in path.parts and path.suffix in {".html", ".txt", ".xml", ".jinja"}:
        return django_template if domain.templates == "django" else babel_extract
    return None


# --- files ------------------------------------------------------------------------------------------------


def load(path: Path, language: str) -> Catalog:
    if not path.exists():
        return Catalog(locale=language, charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def po_text(catalog: Catalog) -> bytes:
    """A .po file that changes only when its messages do."""
    headers = [f"{name}: {value}" for name, value in catalog.mime_headers if name in KEPT_HEADERS]
    head = 'msgid ""\nmsgstr ""\n' + "".join(f'"{header}\\n"\n' for header in headers) + "\n"
    buffer = io.BytesIO()
    write_po(
        buffer,
        catalog,
        width=100,
        sort_output=True,
        ignore_obsolete=True,
        include_lineno=False,
        omit_header=True,
    )
    return head.encode() + buffer.getvalue()


def mo_bytes(catalog: Catalog) -> bytes:
    """A compiled catalogue in GNU's .mo format, of all messages that are translated and not fuzzy."""
    header = f"Content-Type: text/plain; charset=UTF-8\nPlural-Forms: {catalog.plural_forms}\n"
    entries = {b"": header.encode()}
    for message in messages(catalog):
        if not message.fuzzy and all(strings(message)):
            name = "\0".join(ids(message))
            name = f"{message.context}\x04{name}" if message.context is not None else name
            entries[name.encode()] = "\0".join(strings(message)).encode()
    names = sorted(entries)
    values = [entries[name] for name in names]
    start = 7 * 4
    offset = start + 16 * len(names)
    tables = []
    for texts in (names, values):
        for text in texts:
            tables.append(struct.pack("<II", len(text), offset))
            offset += len(text) + 1
    head = struct.pack("<IIIIIII", 0x950412DE, 0, len(names), start, start + 8 * len(names), 0, offset)
    return head + b"".join(tables) + b"".join(text + b"\0" for text in names + values)


def messages(catalog: Catalog) -> Iterator[Message]:
    """The messages of a catalogue without its header."""
    return (message for message in catalog if message.id)


def ids(message: Message) -> tuple[str, ...]:
    """A message's msgid, and its plural if it has one."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def strings(message: Message) -> tuple[str, ...]:
    """A message's translations: one, or one for each plural form; empty where there is none."""
    return (message.string or "",) if isinstance(message.string, str) else tuple(message.string or ("",))


def key(message: Message) -> Key:
    return message.context, ids(message)[0]


# --- the three commands -----------------------------------------------------------------------------------


def extract_all(root: Path) -> int:
    """Bring every .po file up to date with the source; translations of texts that are gone are dropped."""
    for domain in domains(root):
        template = collect(domain)
        for language in domain.languages():
            path = domain.po(language)
            catalog = load(path, language)
            catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(po_text(catalog))
            open_ = sum(not all(strings(message)) or message.fuzzy for message in messages(catalog))
            print(f"{path.relative_to(root)}: {len(catalog)} texts, {open_} to translate")
    return 0


def compile_all(root: Path) -> int:
    """Write a .mo file beside every .po file."""
    for domain in domains(root):
        for language in domain.languages():
            path = domain.po(language)
            if path.exists():
                path.with_suffix(".mo").write_bytes(mo_bytes(load(path, language)))
                print(path.with_suffix(".mo").relative_to(root))
    return 0


def check_all(root: Path) -> int:
    """Print what is wrong with the translations; 1 when anything is."""
    faults: list[str] = []
    count = 0
    for domain in domains(root):
        template = collect(domain)
        count += len(template)
        for language in domain.languages():
            path = domain.po(language)
            place = path.relative_to(root)
            if not path.exists():
                if len(template):
                    faults.append(f"{place}: missing ({len(template)} texts)")
                continue
            catalog = load(path, language)
            faults += [f"{place}: {fault}" for fault in faults_of(template, catalog)]
            compiled = path.with_suffix(".mo")
            if not compiled.exists() or compiled.read_bytes() != mo_bytes(catalog):
                faults.append(f"{compiled.relative_to(root)}: not what the .po file says")
    print(*faults, sep="\n", end="\n" if faults else "")
    if faults:
        print(f"{len(faults)} faults. Run `make translations`, translate what is open, run it again.")
        return 1
    print(f"The translations of {count} texts are complete.")
    return 0


def faults_of(template: Catalog, catalog: Catalog) -> Iterator[str]:
    """What a language's catalogue lacks or has too much, measured by the source's."""
    translated = {key(message): message for message in messages(catalog)}
    wanted = {key(message): message for message in messages(template)}
    for name, source in wanted.items():
        message = translated.get(name)
        shown = f'"{name[1]}"' + (f" (context {name[0]!r})" if name[0] is not None else "")
        where = ", ".join(sorted({place for place, _ in source.locations}))
        if message is None:
            yield f"{shown} is missing; it stands in {where}"
        elif ids(message) != ids(source):
            yield f"{shown} has another plural than the source, in {where}"
        elif message.fuzzy:
            yield f"{shown} is fuzzy"
        elif not all(strings(message)) or len(strings(message)) != forms(message, catalog):
            yield f"{shown} is not translated; it stands in {where}"
        else:
            yield from (f"{shown}: {fault}" for fault in placeholder_faults(message))
    for name in translated.keys() - wanted.keys():
        yield f'"{name[1]}" is no longer in the source'


def forms(message: Message, catalog: Catalog) -> int:
    """How many translations a message needs."""
    return catalog.num_plurals if len(ids(message)) > 1 else 1


def placeholder_faults(message: Message) -> Iterator[str]:
    """Placeholders and tags that a translation lost or invented.

    Of several plural forms each may look like the singular ("one parcel") or like the plural ("%(count)s
    parcels"); a language with one form uses it for every number, so there it has to look like the plural.
    """
    allowed = [sorted(PLACEHOLDERS.findall(text)) for text in ids(message)]
    if len(strings(message)) == 1:
        allowed = allowed[-1:]
    for string in strings(message):
        found = sorted(PLACEHOLDERS.findall(string))
        if found not in allowed:
            wanted = ", ".join(allowed[-1]) or "none"
            yield f"has {', '.join(found) or 'no placeholder'} where the source has {wanted}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("command", choices=["extract", "compile", "check"])
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: this one)")
    chosen = parser.parse_args(arguments)
    return {"extract": extract_all, "compile": compile_all, "check": check_all}[chosen.command](chosen.root)


if __name__ == "__main__":
    sys.exit(main())
