"""``{% load ui %}``: icons, form fields and times, the same on every page."""

from datetime import datetime
from typing import Any

from django import forms, template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of ``ui/icons.svg``. Without a label it is decoration and screen readers pass it over."""
    sheet = static("ui/icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>', label, sheet, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', sheet, name)


@register.inclusion_tag("ui/components/field.html")
def field(bound: forms.BoundField, **attributes: Any) -> dict[str, Any]:
    """Draw a form field with its label, help and errors.

    ``attributes`` go to the input, ``_`` written for ``-``.
    """
    given = {name.replace("_", "-"): value for name, value in attributes.items()}
    widget = bound.field.widget
    kind = "input"
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        kind = "group"
    elif isinstance(widget, forms.CheckboxInput):
        kind = "checkbox"
    return {"field": bound, "input": bound.as_widget(attrs=given), "kind": kind}


@register.inclusion_tag("ui/components/field_list.html")
def fields(form: forms.Form) -> dict[str, Any]:
    """Draw all fields of a form, its own errors first."""
    return {"form": form}


@register.simple_tag
def moment(at: datetime | None, form: str = "SHORT_DATETIME_FORMAT") -> SafeString | str:
    """Draw a time: in the organisation's zone as sent, in the reader's own once ``ui/page.js`` runs."""
    if at is None:
        return "–"
    here = timezone.localtime(at)
    return format_html(
        '<time class="nowrap" datetime="{}" data-local title="{}">{}</time>',
        at.isoformat(timespec="milliseconds"),
        f"{date_format(here, 'DATETIME_FORMAT')} {here.tzname() or ''}".strip(),
        date_format(here, form),
    )
