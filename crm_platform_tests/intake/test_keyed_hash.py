"""The keyed hash in place of a personal key: the same person is the same customer, and another key gives others."""

import hashlib
import hmac

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.clients import Client
from crm_platform.intake import (
    Accepted,
    DeliveredFile,
    HashKey,
    accept_delivery,
    examine_delivery,
    read_admitted,
    read_inbox,
)
from crm_platform.intake.guard.keyed_hash import hashed_column, keyed_hash
from crm_platform.intake.reading.text_column import TextColumn
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import TODAY, client_with, text_of

KEY, OTHER_KEY = HashKey(b"a secret of the client"), HashKey(b"another secret of it")
HEADERS = ["Name", "Email", "Tel", "Created at", "Lineitem sku", "Lineitem quantity", "Lineitem price"]
BY_MAIL = {
    "order_id": "Name",
    "line_no": {"number_within": "order_id"},
    "customer_id": {"keyed_hash": ["Email"]},
    "ordered_at": "Created at",
    "status": {"constant": "shipped"},
    "order_kind": {"constant": "one_off"},
    "product_id": "Lineitem sku",
    "quantity": "Lineitem quantity",
    "unit_price_jpy": "Lineitem price",
}


def client(**columns: object) -> Client:
    tables = {
        "order_lines": {"file": "orders.csv", "columns": BY_MAIL | columns},
        "customers": {"derived_from": "order_lines"},
        "products": {"derived_from": "order_lines"},
        "media": {"absent": True},
    }
    return client_with({"tables": tables})


def orders(*mails: str, first: int = 1, tel: str = "") -> list[DeliveredFile]:
    rows = [[f"#{first + n}", mail, tel, "2025-05-01", "SP-1", "1", "980"] for n, mail in enumerate(mails)]
    return [DeliveredFile("orders.csv", text_of([HEADERS, *rows], ",").encode())]


def customers_of(files: list[DeliveredFile], key: HashKey = KEY, by: Client | None = None) -> list[str]:
    admitted = examine_delivery(by or client(), files, delivery_id="0001-000000000000", today=TODAY, hash_key=key)
    return admitted.tables["order_lines"]["customer_id"].to_pylist()


def test_the_hash_is_hmac_sha256_as_published():
    said = "what do ya want for nothing?"  # RFC 4231, test case 2, with a key that is long enough
    expected = hmac.new(b"Jefe" * 4, said.encode(), hashlib.sha256).hexdigest()
    assert keyed_hash(HashKey(b"Jefe" * 4), [said]) == expected[:32]


@pytest.mark.parametrize("spelling", ["a@x.jp", "A@x.jp ", "ａ＠x.jp", "　A@X.JP"])
def test_the_same_address_in_another_spelling_is_the_same_customer(spelling):
    assert customers_of(orders("a@x.jp", spelling)) == [keyed_hash(KEY, ["a@x.jp"])] * 2


def test_another_key_gives_other_customers_and_another_fingerprint():
    ours, theirs = customers_of(orders("a@x.jp", "b@x.jp")), customers_of(orders("a@x.jp", "b@x.jp"), OTHER_KEY)
    assert len({*ours, *theirs}) == 4
    assert KEY.fingerprint != OTHER_KEY.fingerprint
    assert KEY.secret.decode() not in repr(KEY)


def test_nobody_without_an_address_becomes_a_customer():
    admitted = examine_delivery(
        client(), orders("a@x.jp", ""), delivery_id="0001-000000000000", today=TODAY, hash_key=KEY
    )
    assert admitted.receipt["accounts"]["order_lines"]["quarantined_by_rule"] == {"missing": 1}


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_parts_are_not_run_together(ours, theirs):
    def plain(parts: list[str]) -> list[str]:
        return [keyed_hash(KEY, [part]) for part in parts]

    if any(plain(ours)) and any(plain(theirs)) and not any("\x01" in part for part in [*ours, *theirs]):
        assert (keyed_hash(KEY, ours) == keyed_hash(KEY, theirs)) == (plain(ours) == plain(theirs))


@given(st.lists(st.tuples(st.sampled_from("aA b"), st.sampled_from(["", "1", "１"])), min_size=1))
def test_a_column_is_hashed_row_by_row(rows):
    columns = [TextColumn.of(pa.array([row[k] for row in rows], pa.string())) for k in (0, 1)]
    assert hashed_column(KEY, columns).texts.to_pylist() == [keyed_hash(KEY, row) for row in rows]


def deliver(inbox, files, key, by=None) -> Accepted:
    return accept_delivery(inbox, by or client(), files, today=TODAY, hash_key=key)


def test_a_stored_delivery_is_read_anew_without_the_key_and_holds_no_address(tmp_path):
    taken = deliver(tmp_path, orders("a@x.jp", "b@x.jp", tel="090-1234-5678"), KEY)
    assert taken.receipt["hash_key_fingerprint"] == KEY.fingerprint
    [stored] = read_inbox(tmp_path, "acme")
    content = stored.files()[0].plain.decode("utf-8-sig")
    assert content.splitlines()[0] == "Name,Created at,Lineitem sku,Lineitem quantity,Lineitem price,hash(Email)"
    assert "x.jp" not in content
    assert "5678" not in content
    changed = client(order_kind={"constant": "bulk"})
    [again] = read_admitted(tmp_path, changed)
    assert again.tables["order_lines"]["order_kind"].to_pylist() == ["bulk"] * 2
    assert again.tables["order_lines"]["customer_id"] == stored.load().tables["order_lines"]["customer_id"]


def test_a_missing_key_and_a_new_key_are_refused_with_nothing_written(tmp_path):
    with pytest.raises(Refused, match="no secret") as refusal:
        deliver(tmp_path, orders("a@x.jp"), None)
    assert "CRM_PLATFORM_HASH_KEY" in refusal.value.remedy
    deliver(tmp_path, orders("a@x.jp"), KEY)
    with pytest.raises(Refused, match="not that of the former"):
        deliver(tmp_path, orders("a@x.jp", first=2), OTHER_KEY)
    read_admitted(tmp_path, client(order_kind={"constant": "bulk"}))  # read anew, it still knows its key
    with pytest.raises(Refused, match="not that of the former"):
        deliver(tmp_path, orders("a@x.jp", first=2), OTHER_KEY, client(order_kind={"constant": "bulk"}))
    assert len(read_inbox(tmp_path, "acme")) == 1
    assert deliver(tmp_path, orders("a@x.jp", first=2), KEY).receipt["hash_key_fingerprint"] == KEY.fingerprint


def test_a_short_key_is_refused_and_not_shown():
    with pytest.raises(Refused, match="could be guessed") as refusal:
        HashKey(b"short secret")
    assert "short" not in str(refusal.value)


def test_a_column_to_hash_that_is_not_there_is_named():
    with pytest.raises(Refused, match="lacks the column 'Mail'"):
        customers_of(orders("a@x.jp"), by=client(customer_id={"keyed_hash": ["Mail"]}))


def test_no_secret_is_asked_for_where_nothing_is_hashed():
    admitted = examine_delivery(
        client(customer_id="Lineitem sku"), orders("a@x.jp"), delivery_id="0001-000000000000", today=TODAY
    )
    assert admitted.receipt["hash_key_fingerprint"] is None
