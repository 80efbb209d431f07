import smtplib
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from packwitness.demo.house import free_port
from packwitness.demo.mailbox import Letter, Mailbox


def test_a_message_is_kept_told_and_found_again(tmp_path: Path) -> None:
    heard: list[Letter] = []
    message = EmailMessage()
    message["From"], message["To"] = "Sunrise Goods <films@example.com>", "김민준 <kim@example.com>"
    message["Subject"] = "소포가 포장되었습니다"
    message.set_content("See http://127.0.0.1:8700/w/abc-DEF_9 until Sunday.")
    mailbox = Mailbox(tmp_path, heard.append, port=free_port(0))
    mailbox.open()
    try:
        place = urlsplit(mailbox.url)
        with smtplib.SMTP(place.hostname or "", place.port or 0) as smtp:
            smtp.send_message(message)
    finally:
        mailbox.close()

    (path,) = tmp_path.glob("*.eml")
    letter = Letter("kim@example.com", "소포가 포장되었습니다", "http://127.0.0.1:8700/w/abc-DEF_9", path)
    assert heard == mailbox.letters == [letter]
    assert Mailbox(tmp_path, heard.append, port=free_port(0)).letters == [letter]
