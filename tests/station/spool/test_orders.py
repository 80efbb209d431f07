from packwitness.protocol import OrderLine, OrderPage, StationOrder
from packwitness.station.spool.orders import KEEP_MS, OrderCache
from tests.station.spool.station_of_one import Spool


def order(number: str, *codes: str, cancelled: bool = False) -> StationOrder:
    line = OrderLine(sku="S1", name="Mug", quantity=2)
    return StationOrder(number=number, channel="shop", codes=list(codes), cancelled=cancelled, lines=[line])


def test_an_order_is_found_by_each_of_its_codes_whole(spool: Spool) -> None:
    cache = OrderCache(spool.ledger)
    cache.store(OrderPage(orders=[order("1", "1z 999", "1Z998")], cursor="7", more=False), utc_ms=0)

    assert cache.find("1Z999") == cache.find("1Z998") == order("1", "1z 999", "1Z998")
    assert cache.find("Z999") is None
    assert cache.cursor == "7"


def test_a_change_replaces_the_order_and_its_codes(spool: Spool) -> None:
    cache = OrderCache(spool.ledger)
    cache.store(OrderPage(orders=[order("1", "A"), order("2", "B")], cursor="1", more=True), utc_ms=0)
    cache.store(OrderPage(orders=[order("1", "C", cancelled=True)], cursor="2", more=False), utc_ms=0)
    cache.remember(order("3", "D"), utc_ms=0)

    assert cache.find("A") is None
    assert [found and found.number for found in map(cache.find, "BCD")] == ["2", "1", "3"]
    assert cache.find("C") == order("1", "C", cancelled=True)
    assert cache.cursor == "2"


def test_an_order_of_which_nothing_is_heard_is_forgotten(spool: Spool) -> None:
    cache = OrderCache(spool.ledger)
    cache.store(OrderPage(orders=[order("1", "A"), order("2", "B")], cursor="1", more=False), utc_ms=0)
    cache.store(OrderPage(orders=[order("2", "B")], cursor="2", more=False), utc_ms=5)

    assert (cache.forget(utc_ms=KEEP_MS - 1), cache.forget(utc_ms=KEEP_MS)) == (0, 1)

    assert [found and found.number for found in map(cache.find, "AB")] == [None, "2"]
    assert spool.ledger.rows("SELECT code FROM order_code WHERE code = 'A'") == []


def test_orders_of_an_older_ledger_age_from_now_on(spool: Spool) -> None:
    cache = OrderCache(spool.ledger)
    cache.store(OrderPage(orders=[order("1", "A")], cursor="1", more=False), utc_ms=0)
    spool.ledger.rows("DROP TABLE order_kept")

    assert (cache.forget(utc_ms=KEEP_MS), cache.forget(utc_ms=2 * KEEP_MS)) == (0, 1)
