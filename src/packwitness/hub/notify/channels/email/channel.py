"""E-mail by SMTP, spoken step by step so that every outcome is known for what it is.

Up to the server's 354 nothing has been handed over: any failure there is a known failure. After the final dot
only the server's reply tells; if the line breaks first, the outcome is unknown (RFC 5321, 4.5.3.2.6, asks for
patience there).
"""

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

from packwitness.hub.notify.channels.channel import Failed, Letter, Outcome, Sent, Unknown

CONNECT_SECONDS = 20
ANSWER_SECONDS = 60
FINAL_DOT = b".\r\n"
# Not every server takes 8-bit bodies.
POLICY = SMTP_POLICY.clone(cte_type="7bit")


class EmailChannel:
    """Sends through the server that ``PACKWITNESS_SMTP_URL`` names."""

    def __init__(
        self, *, connect_seconds: float = CONNECT_SECONDS, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds

    def send(self, letter: Letter) -> Outcome:
        """Send one letter."""
        if not settings.SMTP_CONFIGURED:
            return Failed("No mail server is configured: set PACKWITNESS_SMTP_URL.", retry=True)
        sender = settings.DEFAULT_FROM_EMAIL
        try:
            content = compose(letter, sender=sender).as_bytes()
        except ValueError as error:
            # The header classes refuse what is no address or holds a line break.
            return Failed(f"The message cannot be addressed: {error}"[:500], retry=False)
        try:
            server = self._connect(urlsplit(settings.PACKWITNESS.smtp_url))
        except (OSError, smtplib.SMTPException) as error:
            return Failed(_told(error), retry=True)
        try:
            return self._hand_over(server, sender=parseaddr(sender)[1], letter=letter, content=content)
        finally:
            server.close()

    def _connect(self, url: SplitResult) -> smtplib.SMTP:
        context = ssl.create_default_context()
        host = url.hostname or ""
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, url.port or 465, timeout=self._connect_seconds, context=context
            )
        else:
            server = smtplib.SMTP(host, url.port or 25, timeout=self._connect_seconds)
        try:
            server.ehlo_or_helo_if_needed()
            if url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, *, sender: str, letter: Letter, content: bytes) -> Outcome:
        try:
            for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{letter.recipient}>", "DATA"):
                code, words = server.docmd(command)
                if not 200 <= code < 400:
                    return Failed(_reply(code, words), retry=code < 500)
            server.send(_dotted(content))
        except (OSError, smtplib.SMTPException) as error:
            # Without the final dot the server has nothing that it may deliver.
            return Failed(_told(error), retry=True)
        except ValueError as error:
            return Failed(f"The message cannot be addressed: {error}"[:500], retry=False)
        try:
            if server.sock is not None:
                server.sock.settimeout(self._answer_seconds)
            server.send(FINAL_DOT)
            code, words = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            return Unknown(_told(error))
        if 200 <= code < 300:
            return Sent(_reply(code, words))
        if 400 <= code < 600:
            return Failed(_reply(code, words), retry=code < 500)
        return Unknown(_reply(code, words))


def compose(letter: Letter, *, sender: str) -> EmailMessage:
    """Return the letter as a message with a plain and an HTML part."""
    name, address = parseaddr(sender)
    message = EmailMessage(POLICY)
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(addr_spec=letter.recipient)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.reference}@{address.rpartition('@')[2]}>"
    # Vacation replies and the like have nobody to read them.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    # Set last: headers of this kind move into the first part when there come to be two.
    message["Content-Language"] = letter.language
    return message


def _dotted(content: bytes) -> bytes:
    """Return the message as it goes over the wire, without the final dot: dots at line beginnings doubled
    (RFC 5321, 4.5.2).
    """
    lines = content.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n"


def _reply(code: int, words: bytes) -> str:
    return f"{code} {words.decode('utf-8', 'replace')}"[:500]


def _told(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        # The reply may repeat what was sent.
        return f"{error.smtp_code} The mail server refused the sign-in: check PACKWITNESS_SMTP_URL."
    return (str(error) or type(error).__name__)[:500]
