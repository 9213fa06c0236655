"""Whatever bytes arrive, in whatever container: a refusal with a remedy, or rows whose accounts close."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.intake import DeliveredFile, accept_delivery, read_inbox
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import TODAY, client_with
from crm_platform_tests.intake.fuzzing import KEY, TOKENS, Edit, damaged, delivery_with, examined_or_refused, specimens

SPECIMENS = specimens()
EDITS = st.lists(
    st.builds(Edit, st.floats(0, 1), st.sampled_from([0, 1, 9, 99]), st.sampled_from(TOKENS) | st.binary(max_size=4)),
    min_size=1,
    max_size=6,
)
NAMES = st.sampled_from(["order_lines.csv", "order_lines.xlsx", "products.tsv.gz", "delivery.zip"])
FIRST_BYTES = st.sampled_from(
    [b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"\xff\xfe", b"\xef\xbb\xbf", b"\xd0\xcf"]
)


def bounded(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


def test_every_specimen_is_sound_before_it_is_damaged():
    refused = {one.label for one in SPECIMENS if isinstance(examined_or_refused(damaged(one, []), one.client), Refused)}
    assert refused == set()


@bounded(40)
@given(NAMES, FIRST_BYTES, st.binary(max_size=300))
def test_random_bytes_are_refused_or_their_accounts_close(name, first, content):
    examined_or_refused(delivery_with(DeliveredFile(name, first + content)), client_with())


@bounded(120)
@given(st.sampled_from(SPECIMENS), EDITS)
def test_damaged_files_of_every_kind_are_refused_or_their_accounts_close(specimen, edits):
    examined_or_refused(damaged(specimen, edits), specimen.client)


@bounded(15)
@given(st.sampled_from(SPECIMENS), EDITS)
def test_a_damaged_delivery_is_refused_with_nothing_stored_or_can_be_read_back(tmp_path_factory, specimen, edits):
    inbox = tmp_path_factory.mktemp("inbox")
    try:
        accept_delivery(inbox, specimen.client, damaged(specimen, edits), today=TODAY, hash_key=KEY)
    except Refused:
        assert read_inbox(inbox, "acme") == []
        return
    [stored] = read_inbox(inbox, "acme")
    assert stored.load().receipt == stored.receipt
