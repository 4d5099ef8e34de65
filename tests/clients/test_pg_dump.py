"""pg_dump and pg_restore: a restored database enforces what the dumped one did, on its own server and on another."""

import psycopg
import pytest
from conftest import OFF, ON, SQL, Server


@pytest.fixture(scope="module", params=["the same server", "another server"])
def restored(demo, request, tmp_path_factory):
    """A server with a database `restored`."""
    dump = tmp_path_factory.mktemp("dump")
    demo.run("pg_dump", "--format=custom", f"--file={dump / 'demo'}", "demo")
    if request.param == "the same server":
        server = demo
    else:
        roles = demo.run("pg_dumpall", "--roles-only").stdout
        server = Server()
        request.addfinalizer(server.stop)
        # Its superuser is there already.
        server.run("psql", "--quiet", "--dbname=postgres", input=roles)
    server.run("createdb", "--owner=app_owner", "restored")
    server.run("pg_restore", "--exit-on-error", "--dbname=restored", dump / "demo")
    return server


def test_nothing_is_left_to_do(restored):
    assert "Nothing to do" in restored.keyward("plan", "--check", "--manifest", SQL / "manifest.toml", database="restored")


def test_every_key_is_where_it_was(demo, restored):
    assert restored.published("restored") == {id: demo.expected(id) for id in demo.keys}
    assert demo.lost("restored", restored) == {}


def test_it_enforces(restored):
    add = "INSERT INTO app.locations (account_id, name) VALUES (%s, 'New') RETURNING api_key"
    for role in ("api_v1", "api_v2", "app_ui"):
        ((on,),) = restored.rows(role, add, [ON], database="restored")
        ((off,),) = restored.rows(role, add, [OFF], database="restored")
        assert on is None and off.startswith("loc_")

    delete = "DELETE FROM app.users WHERE account_id = %s RETURNING id"
    with pytest.raises(psycopg.Error) as refused:
        restored.rows("api_v1", delete, [ON], database="restored")
    assert refused.value.sqlstate == "KW002"
    assert restored.rows("api_v1", delete, [OFF], database="restored")


def test_accounts_still_opt_out_and_in(demo, restored):
    location = demo.of(ON)[0]
    restored.rows("app_ui", "SELECT keyward.opt_out(%s, 'asked', acknowledge_risk => true)", [ON], database="restored")
    assert restored.published("restored")[location] == demo.keys[location]
    restored.rows("app_ui", "SELECT keyward.opt_in(%s, 'better so')", [ON], database="restored")
    assert restored.published("restored")[location] is None
