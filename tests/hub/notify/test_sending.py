"""Every outcome of sending is known for what it is, and nothing is sent twice by itself."""

import email
import email.policy
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Keeper
from django.db import connection

from packwitness.hub.links import operations as links
from packwitness.hub.notify import operations, sending
from packwitness.hub.notify.channels import CHANNELS
from packwitness.hub.notify.channels.email.channel import EmailChannel
from packwitness.hub.notify.models import Message, State
from packwitness.hub.orders import operations as orders
from packwitness.hub.orders.input import BuyerInput, OrderInput, ShipmentInput
from packwitness.hub.recordings.models import Recording
from tests.hub.conftest import NOW, House
from tests.hub.notify.sink import CLOSE, SILENCE, sink

GoTo = Callable[[str], None]


class Mailbox(Keeper):
    """aiosmtpd's own handler, which keeps what it got."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[email.message.Message] = []

    def handle_message(self, message: email.message.Message) -> None:
        self.kept.append(message)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a fraction of a second for the mail server, not a minute."""
    monkeypatch.setitem(CHANNELS, "email", lambda: EmailChannel(connect_seconds=0.5, answer_seconds=0.3))


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_message_arrives(message: Message, mail_goes_to: GoTo) -> None:
    mailbox = Mailbox()
    # aiosmtpd calls itself up on the port it was told, so it cannot be told 0.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        mail_goes_to(f"smtp://127.0.0.1:{port}")
        again = sending.send(message_id=message.id, at=NOW)
    finally:
        server.stop()
    message.refresh_from_db()
    letter = read(mailbox.kept[0].as_bytes())
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))

    assert (again, message.state, message.sent_at, message.attempts) == (None, State.SENT, NOW, 1)
    assert (letter["To"], letter["From"]) == ("minji@example.com", "Mugs <films@mugs.example>")
    assert letter["Message-ID"] == f"<packwitness.{message.id}@mugs.example>"
    assert letter["Content-Language"] == "ko"
    assert text is not None
    assert html is not None
    for body in (text.get_content(), html.get_content()):
        assert f"http://testserver/w/{message.link_id}-" in body
        assert "Blue mug" in body


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "body"])
@pytest.mark.parametrize(("answer", "state"), [("451 later", State.RETRYING), ("550 never", State.FAILED)])
def test_refused_at_a_step(
    message: Message, mail_goes_to: GoTo, impatient: None, step: str, answer: str, state: State
) -> None:
    # Before the addresses are told a refusal says nothing of the message: it is tried again.
    expected = State.RETRYING if step in ("greeting", "EHLO") else state
    told = {step: answer, "HELO": answer} if step == "EHLO" else {step: answer}
    with sink(told) as server:
        mail_goes_to(server.url)
        again = sending.send(message_id=message.id, at=NOW)
    message.refresh_from_db()

    assert message.state == expected
    assert (again is not None) is (expected == State.RETRYING)
    assert answer.split()[1] in message.last_answer


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "during"])
def test_a_line_that_breaks_before_the_final_dot_has_sent_nothing(
    message: Message, mail_goes_to: GoTo, impatient: None, step: str
) -> None:
    with sink({step: CLOSE}) as server:
        mail_goes_to(server.url)
        again = sending.send(message_id=message.id, at=NOW)
    message.refresh_from_db()

    if step == "during":
        # The body may lie in the line when it breaks: then nobody can tell.
        assert message.state in (State.RETRYING, State.UNKNOWN)
        assert server.kept == []
    else:
        assert (message.state, again) == (State.RETRYING, NOW + timedelta(seconds=5))


@pytest.mark.parametrize("broken", [CLOSE, SILENCE, "hello"])
def test_no_answer_after_the_final_dot_is_unknown(
    message: Message, mail_goes_to: GoTo, impatient: None, broken: str
) -> None:
    with sink({"body": broken}) as server:
        mail_goes_to(server.url)
        again = sending.send(message_id=message.id, at=NOW)
        later = sending.send(message_id=message.id, at=NOW + timedelta(days=1))
    message.refresh_from_db()

    assert (message.state, again, later) == (State.UNKNOWN, None, None)
    assert len(server.kept) == 1


def test_no_server_at_all_is_tried_again(message: Message, mail_goes_to: GoTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail_goes_to(f"smtp://127.0.0.1:{port}")

    again = sending.send(message_id=message.id, at=NOW)

    message.refresh_from_db()
    assert (message.state, again) == (State.RETRYING, NOW + timedelta(seconds=5))


def test_without_a_mail_server_it_says_what_to_set(message: Message) -> None:
    sending.send(message_id=message.id, at=NOW)

    message.refresh_from_db()
    assert (message.state, "PACKWITNESS_SMTP_URL" in message.last_answer) == (State.RETRYING, True)


def test_it_gives_up_at_last(message: Message) -> None:
    at, times = NOW, 0
    while (again := sending.send(message_id=message.id, at=at)) is not None:
        at, times = again, times + 1

    message.refresh_from_db()
    assert (message.state, times, message.attempts) == (State.FAILED, sending.ATTEMPTS - 1, sending.ATTEMPTS)


def test_not_before_it_is_due(message: Message) -> None:
    sending.send(message_id=message.id, at=NOW)

    assert sending.send(message_id=message.id, at=NOW + timedelta(seconds=4)) is None
    message.refresh_from_db()
    assert message.attempts == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_once(message: Message, mail_goes_to: GoTo) -> None:
    barrier = threading.Barrier(4)

    def work() -> None:
        try:
            barrier.wait()
            sending.send(message_id=message.id, at=NOW)
        finally:
            connection.close()

    with sink() as server:
        mail_goes_to(server.url)
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    message.refresh_from_db()
    assert (message.state, len(server.kept)) == (State.SENT, 1)


def test_what_a_dead_worker_left_is_unknown(message: Message) -> None:
    until = NOW + sending.LEASE
    Message.objects.filter(id=message.id).update(state=State.SENDING, lease_until=until)

    too_early = sending.mark_abandoned(at=until)
    then = sending.mark_abandoned(at=until + timedelta(seconds=1))

    message.refresh_from_db()
    assert (too_early, then, message.state) == (0, 1, State.UNKNOWN)
    assert sending.due(at=until + timedelta(days=1)) == []


def test_what_waits_without_a_task_is_found(message: Message) -> None:
    assert sending.due(at=NOW - timedelta(seconds=1)) == []
    assert sending.due(at=NOW) == [message.id]


def test_a_name_cannot_add_headers(house: House, message: Message, mail_goes_to: GoTo) -> None:
    house.organisation.name = "Mugs\r\nBcc: everybody@example.com\r\n\r\nHello"
    house.organisation.save()
    house.order.buyer_name = "Kim\r\n.\r\nQUIT"
    house.order.save()
    with sink() as server:
        mail_goes_to(server.url)
        sending.send(message_id=message.id, at=NOW)

    letter = read(server.kept[0])

    assert (letter["Bcc"], letter["To"]) == (None, "minji@example.com")
    assert "Mugs Bcc: everybody@example.com Hello" in letter["Subject"]


@pytest.mark.parametrize(
    "recipient", ["a@example.com\r\nRCPT TO:<b@example.com>", "nobody", "한글@example.com"]
)
def test_an_address_that_is_none_is_not_tried_again(
    message: Message, mail_goes_to: GoTo, recipient: str
) -> None:
    Message.objects.filter(id=message.id).update(recipient=recipient)
    with sink() as server:
        mail_goes_to(server.url)
        sending.send(message_id=message.id, at=NOW)

    message.refresh_from_db()
    assert (message.state, server.kept) == (State.FAILED, [])


def test_lines_that_begin_with_a_dot_arrive(house: House, message: Message, mail_goes_to: GoTo) -> None:
    house.order.buyer_name = ".\n.."
    house.order.buyer_email = "minji@example.com"
    house.order.save()
    with sink() as server:
        mail_goes_to(server.url)
        sending.send(message_id=message.id, at=NOW)

    message.refresh_from_db()
    assert (message.state, len(server.kept)) == (State.SENT, 1)


def test_a_person_sends_again_with_a_link_that_opens(house: House, message: Message) -> None:
    links.revoke_link(scope=house.scope, link=message.link_id, at=NOW)
    Message.objects.filter(id=message.id).update(state=State.UNKNOWN, attempts=1)

    row = operations.send_again(scope=house.scope, message=message.id, at=NOW + timedelta(hours=1))

    assert (row.state, row.attempts, row.link.revoked_at) == (State.QUEUED, 0, None)
    assert row.link_id != message.link_id
    assert row.reference == message.reference


def test_nobody_is_told_twice(house: House, recording: Recording, message: Message) -> None:
    again = operations.tell_buyer(scope=house.scope, recording=recording.id, at=NOW + timedelta(days=1))

    assert again == message


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"status": "cancelled"}, NOW),
        ({"buyer_email": ""}, NOW),
        ({}, NOW + operations.TELL_WITHIN + timedelta(seconds=1)),
    ],
)
def test_who_is_not_told(
    house: House,
    recording: Recording,
    change: dict[str, str],
    at: datetime,
) -> None:
    for name, value in change.items():
        setattr(house.order, name, value)
    house.order.save()

    assert operations.tell_buyer(scope=house.scope, recording=recording.id, at=at) is None


def test_a_new_address_is_told_too(house: House, recording: Recording, message: Message) -> None:
    order = OrderInput(
        number="A-1001",
        buyer=BuyerInput(email="new@example.com"),
        shipments=(ShipmentInput(tracking_number="6012-3456-7890"),),
    )
    orders.put_order(scope=house.scope, order=order, at=NOW)

    again = operations.tell_buyer(scope=house.scope, recording=recording.id, at=NOW)

    assert again is not None
    assert (again.recipient, again.id != message.id) == ("new@example.com", True)
