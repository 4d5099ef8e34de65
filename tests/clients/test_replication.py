"""Logical replication to a second server, by PostgreSQL's own publications and subscriptions."""

import pytest
from conftest import OFF, ON, SQL, Demo, Server, until

KEYS = "SELECT id, api_key FROM app.locations"


@pytest.fixture(scope="module")
def demo():
    demo = Demo("--set", "wal_level=logical")
    try:
        yield demo.enforce()
    finally:
        demo.stop()


@pytest.fixture(scope="module")
def subscriber():
    subscriber = Server("--schema", SQL / "roles.sql")
    yield subscriber
    subscriber.stop()


def subscribe(demo, subscriber, name, published):
    """Replicates a publication into a database of this name, and returns how to read the keys there."""
    subscriber.rows("postgres", f"CREATE DATABASE {name} OWNER app_owner", database="postgres")
    with subscriber.connect("app_owner", name) as owner:
        owner.execute((SQL / "schema.sql").read_text())
        # As on the publisher: a sealed key is NULL there. Only the publisher makes keys, and only there accounts are needed.
        owner.execute("ALTER TABLE app.locations ALTER api_key DROP NOT NULL, ALTER api_key DROP DEFAULT")
        owner.execute("ALTER TABLE app.locations DROP CONSTRAINT locations_account_id_fkey")
    demo.rows("postgres", f"CREATE PUBLICATION {name} FOR TABLE {published}")
    source = f"host={demo.host} port={demo.port} user=postgres dbname=demo"
    subscriber.rows("postgres", f"CREATE SUBSCRIPTION {name} CONNECTION '{source}' PUBLICATION {name}", database=name)

    def arrived():
        return dict(subscriber.rows("postgres", KEYS, database=name))

    until(lambda: len(arrived()) == len(demo.published()))
    return arrived


def test_no_sealed_key_arrives(demo, subscriber):
    arrived = subscribe(demo, subscriber, "whole", "app.locations")
    assert arrived() == {id: demo.expected(id) for id in demo.keys}

    # A key is published and sealed again: both arrive.
    location = demo.of(ON)[0]
    demo.rows("app_ui", "SELECT keyward.opt_out(%s, 'asked', acknowledge_risk => true)", [ON])
    until(lambda: arrived()[location] == demo.keys[location])
    demo.rows("app_ui", "SELECT keyward.opt_in(%s, 'better so')", [ON])
    until(lambda: arrived()[location] is None)

    # A key that the UI makes doesn't, unless the account is off.
    other = demo.of(OFF)[0]
    for row in (location, other):
        demo.rows("app_ui", "SELECT keyward.generate_location_api_key(%s)", [row])
    until(lambda: arrived()[other] != demo.keys[other])
    assert arrived() == demo.published() and arrived()[location] is None


def test_with_a_list_of_columns_no_key_arrives_at_all(demo, subscriber):
    if int(demo.rows("postgres", "SHOW server_version_num")[0][0]) < 150000:
        pytest.skip("publications have lists of columns from PostgreSQL 15 on")
    arrived = subscribe(demo, subscriber, "listed", "app.locations (id, account_id, name)")
    demo.rows("app_ui", "SELECT keyward.opt_out(%s, 'asked', acknowledge_risk => true)", [ON])
    ((new,),) = demo.rows("api_v2", "INSERT INTO app.locations (account_id, name) VALUES (%s, 'New') RETURNING id", [OFF])
    until(lambda: new in arrived())
    assert demo.published()[new] and set(arrived().values()) == {None}
