"""Orders from spreadsheets: what people really save, and what they get told when it cannot be used."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwitness.hub.orders import csv_file, csv_table
from packwitness.hub.orders.csv_file import LineError, read
from packwitness.hub.orders.input import BuyerInput, LineInput, OrderInput, ShipmentInput

SEOUL = ZoneInfo("Asia/Seoul")

ENGLISH = """Order Number,Tracking Number,Courier,SKU,Product name,Qty,Recipient,E-mail,Mobile,Order date
0012,6012-3456-7890,CJ,MUG,Blue mug,2,Kim Minji,minji@example.com,010-1234-5678,2026-11-20 09:30
0012,,,TEA,Green tea,1,,,,
0013,0000111,CJ,SOAP,Soap,"1,000",Lee,,,
"""

KOREAN = """주문번호\t운송장번호\t택배사\t상품코드\t상품명\t수량\t수취인\t이메일\t휴대폰\t주문일시
0012\t6012-3456-7890\tCJ\tMUG\tBlue mug\t2\tKim Minji\tminji@example.com\t010-1234-5678\t2026.11.20 09:30
0012\t\t\tTEA\tGreen tea\t1.0\t\t\t\t
0013\t0000111\tCJ\tSOAP\tSoap\t1000\tLee\t\t\t
"""

ORDERS = [
    OrderInput(
        number="0012",
        buyer=BuyerInput(name="Kim Minji", email="minji@example.com", phone="010-1234-5678"),
        placed_at=datetime(2026, 11, 20, 0, 30, tzinfo=UTC),
        lines=(
            LineInput(sku="MUG", name="Blue mug", quantity=2),
            LineInput(sku="TEA", name="Green tea", quantity=1),
        ),
        shipments=(ShipmentInput(tracking_number="6012-3456-7890", courier="CJ"),),
    ),
    OrderInput(
        number="0013",
        buyer=BuyerInput(name="Lee"),
        lines=(LineInput(sku="SOAP", name="Soap", quantity=1000),),
        shipments=(ShipmentInput(tracking_number="0000111", courier="CJ"),),
    ),
]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ENGLISH.encode(), id="UTF-8"),
        pytest.param(ENGLISH.encode("utf-8-sig"), id="UTF-8 with a mark"),
        pytest.param(ENGLISH.replace("\n", "\r\n").encode(), id="Windows line ends"),
        pytest.param(("\n\n" + ENGLISH).encode(), id="empty lines first"),
        pytest.param(ENGLISH.replace('"1,000"', "1000").replace(",", ";").encode(), id="semicolons"),
        pytest.param(KOREAN.encode(), id="Korean headings, tabs"),
        pytest.param(KOREAN.encode("cp949"), id="Korean Excel"),
        pytest.param(KOREAN.encode("utf-16"), id="Unicode text from Excel"),
        pytest.param(
            ENGLISH.replace("0012,", '="0012",').replace("0013,", "'0013,").encode(), id="kept as text"
        ),
    ],
)
def test_what_people_save(data: bytes) -> None:
    sheet = read(data, zone=SEOUL)

    assert sheet.errors == []
    assert sheet.orders == ORDERS


def errors(text: str) -> list[LineError]:
    sheet = read(text.encode(), zone=SEOUL)
    assert sheet.orders == []
    return sheet.errors


def test_a_rounded_number_is_refused_and_not_guessed() -> None:
    found = errors("order number,tracking number\nA-1,6.01235E+11\nA-2,601234567890\n1E+05,1\n")

    assert [(error.line, error.column) for error in found] == [(2, "tracking_number"), (4, "number")]
    assert "“6.01235E+11” was rounded" in found[0].message
    assert "as text" in found[0].message


def test_errors_name_the_line_an_editor_shows() -> None:
    text = (
        "order number,product,qty,email,order date\n"
        'A-1,"Mug\nwith a handle",1,,\n'
        ",Mug,1,,\n"
        "A-2,Mug,none,,\n"
        "A-3,Mug,0,,\n"
        "A-4,Mug,1,not an address,\n"
        "A-5,Mug,1,,last week\n"
    )

    assert [(error.line, error.column) for error in errors(text)] == [
        (4, "number"),
        (5, "quantity"),
        (6, "quantity"),
        (7, "buyer_email"),
        (8, "placed_at"),
    ]


def test_errors_name_the_column_as_the_file_does() -> None:
    found = errors("주문번호, 이메일 ,order date\nA-1,nobody,\nA-2,,last week\n,a@example.com,\n")

    assert [(error.column, error.heading) for error in found] == [
        ("buyer_email", "이메일"),
        ("placed_at", "order date"),
        ("number", "주문번호"),
    ]


def test_rows_that_contradict_each_other() -> None:
    [error] = errors("order number,product,email\nA-1,Mug,a@example.com\nA-1,Tea,b@example.com\n")

    assert (error.line, error.column) == (3, "buyer_email")
    assert "“b@example.com” contradicts “a@example.com”" in error.message


def test_a_channel_tells_numbers_apart_and_may_be_given_for_all() -> None:
    text = "order number,channel\nA-1,web\nA-1,\n"

    orders = read(text.encode(), channel="shop", zone=SEOUL).orders

    assert [(order.channel, order.number) for order in orders] == [("web", "A-1"), ("shop", "A-1")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"order number\n", "no orders"),
        (b"a,b\n1,2\n", "no column we know"),
        (b"tracking number\n123\n", "no column “order number”"),
        (b"PK\x03\x04....", "Excel workbook"),
        (b"order number\n\xff\xfe\xfd\n", "letters cannot be read"),
        (b"order number,product\nA-1,a\0b\n", "letters cannot be read"),
        (b'order number,product\nA-1,"never closed\n', "quotation mark"),
        (b"x" * ((10 << 20) + 1), "10 MB"),
        (b"order number\n" + b"A\n" * 100_001, "100,000 rows"),
    ],
)
def test_files_that_cannot_be_read_say_what_to_do(data: bytes, words: str) -> None:
    sheet = read(data, zone=SEOUL)

    assert sheet.orders == []
    assert (len(sheet.errors), sheet.errors[0].line) == (1, 0)
    assert words in sheet.errors[0].message


def test_many_errors_are_cut_short() -> None:
    assert len(errors("order number,qty,product\n" + "A,x,Mug\n" * 500)) == csv_file.LIMIT_ERRORS


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    for prefix in (b"", b"order number,tracking number,qty,product,order date\n"):
        sheet = read(prefix + data, zone=SEOUL)
        assert bool(sheet.orders) != bool(sheet.errors)


def test_no_heading_means_two_things() -> None:
    plain = [csv_table.plain(heading) for known in csv_file.COLUMNS.values() for heading in known]

    assert sorted({one for one in plain if plain.count(one) > 1}) == []
