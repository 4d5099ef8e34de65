"""That the other tests can fail: what they say of a database with keyward is not so without it."""

import pytest
from conftest import OFF, ON, Demo


@pytest.fixture(scope="module")
def bare():
    """The application as it was before keyward."""
    bare = Demo()
    try:
        yield bare
    finally:
        bare.stop()


def test_without_keyward_every_role_reads_every_key(bare):
    for role in ("api_v1", "api_v2", "app_ui"):
        assert dict(bare.rows(role, "SELECT id, api_key FROM app.locations")) == bare.keys


def test_without_keyward_the_legacy_role_writes_every_user(bare):
    for account in (ON, OFF):
        assert bare.rows("api_v1", "DELETE FROM app.users WHERE account_id = %s RETURNING id", [account])


def test_a_key_that_is_lost_is_noticed(demo):
    assert demo.lost() == {}
    location = demo.of(ON)[0]
    demo.rows("app_ui", "SELECT keyward.revoke_location_api_key(%s)", [location])
    assert list(demo.lost()) == [location]
