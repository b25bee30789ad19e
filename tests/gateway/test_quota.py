"""How many requests an address may make."""

from photon_app.gateway.handshake import BURST_S
from photon_app.gateway.quota import Quota


def test_an_address_has_a_burst_and_then_its_rate() -> None:
    quota = Quota(10, 300)
    assert [quota.take("a", 0) for _ in range(301)].count(False) == 1
    assert quota.retry_after_s("a") == 0.1
    assert [quota.take("a", 1) for _ in range(11)].count(True) == 10


def test_an_address_does_not_pay_for_another() -> None:
    quota = Quota(1, 30)
    while quota.take("a", 0):
        pass
    assert quota.take("b", 0)


def test_an_office_may_open_the_page_at_once() -> None:
    """Sixty people, of whom each page takes 36 requests."""
    quota = Quota(200, 200 * BURST_S)
    assert all(quota.take("office", 0) for _ in range(60 * 36 * 2))


def test_so_many_addresses_are_remembered() -> None:
    """The one that asked longest ago begins anew."""
    quota = Quota(1, 30, most=5)
    while quota.take("a", 0):
        pass
    for number in range(5):
        quota.take(str(number), 0)
    assert len(quota) == 5
    assert quota.take("a", 0)
