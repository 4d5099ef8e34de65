"""pgbouncer in transaction mode: all transactions on one connection to the server, each with a role of its own (SET LOCAL ROLE)."""

import shutil
from contextlib import contextmanager

import psycopg
import pytest
from conftest import OFF, ON, start, until


class PgBouncer:
    def __init__(self, server, users):
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
        if program is None:
            pytest.skip("pgbouncer is not installed")
        # It refuses to run as root.
        self.directory, as_user = server.own()
        (self.directory / "users").write_text("".join(f'"{user}" ""\n' for user in users))
        (self.directory / "pgbouncer.ini").write_text(f"""
            [databases]
            demo = host={server.host} port={server.port}
            [pgbouncer]
            listen_addr =
            unix_socket_dir = {self.directory}
            auth_type = trust
            auth_file = {self.directory}/users
            pool_mode = transaction
            default_pool_size = 1
        """)
        self.log = self.directory / "log"
        with self.log.open("w") as output:
            how = {"cwd": "/", "stdout": output, "stderr": output, **as_user}
            self.process = start(program, self.directory / "pgbouncer.ini", **how)
        until(lambda: (self.directory / ".s.PGSQL.6432").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def connect(self, user):
        """A connection that prepares no statement: pgbouncer 1.20 and older don't know of them in this mode."""
        where = {"host": str(self.directory), "port": 6432, "dbname": "demo", "user": user}
        return psycopg.connect(**where, prepare_threshold=None, autocommit=True)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)


@pytest.fixture(scope="module")
def pgbouncer(demo):
    pgbouncer = PgBouncer(demo, [demo.authenticator(), "app_ui"])
    yield pgbouncer
    pgbouncer.stop()


@pytest.fixture
def clients(pgbouncer):
    """Two clients that take turns on one connection to the server."""
    with pgbouncer.connect("authenticator") as first, pgbouncer.connect("authenticator") as second:
        processes = {client.execute("SELECT pg_backend_pid()").fetchone() for client in (first, second)}
        assert len(processes) == 1
        yield first, second


@contextmanager
def acting(client, role):
    """A transaction as a role."""
    with client.transaction():
        client.execute(f"SET LOCAL ROLE {role}")
        yield client


def test_no_row_that_is_read_shows_a_key_of_an_enabled_account(demo, clients, pgbouncer):
    read = "SELECT id, api_key FROM app.locations ORDER BY id"
    expected = {id: demo.expected(id) for id in demo.keys}
    for role in ("api_v1", "api_v2") * 2:
        for client in clients:
            with acting(client, role):
                assert dict(client.execute(read).fetchall()) == expected
    with pgbouncer.connect("app_ui") as ui:
        assert dict(ui.execute(read).fetchall()) == expected
        sealed = "SELECT id, api_key FROM keyward.vault_location_api_key"
        assert dict(ui.execute(sealed).fetchall()).items() <= demo.keys.items()


def test_a_role_holds_for_its_transaction_only(clients):
    first, second = clients
    with acting(first, "api_v1"):
        pass
    for client in clients:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute("SELECT id FROM app.locations")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(second, "app_ui"):
        pass


def test_a_new_location_of_an_enabled_account_has_no_key(clients):
    add = "INSERT INTO app.locations (account_id, name) VALUES (%s, 'New') RETURNING api_key"
    for client, role in zip(clients, ("api_v1", "api_v2"), strict=True):
        with acting(client, role):
            assert client.execute(add, [ON]).fetchone() == (None,)
            assert client.execute(add, [OFF]).fetchone()[0].startswith("loc_")


def test_the_legacy_role_writes_users_of_other_accounts_only_whoever_was_there_before(clients):
    legacy, current = clients
    change = "UPDATE app.users SET role = 'admin' WHERE account_id = %s RETURNING id"
    for _ in range(10):
        with acting(current, "api_v2"):
            assert current.execute(change, [ON]).fetchall()
        with pytest.raises(psycopg.Error) as refused, acting(legacy, "api_v1"):
            legacy.execute(change, [ON])
        assert refused.value.sqlstate == "KW002"
        with acting(legacy, "api_v1"):
            assert legacy.execute(change, [OFF]).fetchall()


def test_the_ui_makes_shows_and_ends_keys(demo, pgbouncer):
    location = demo.of(ON)[0]
    with pgbouncer.connect("app_ui") as ui:
        (made,) = ui.execute("SELECT keyward.generate_location_api_key(%s)", [location]).fetchone()
        assert ui.execute("SELECT keyward.reveal_location_api_key(%s)", [location]).fetchone() == (made,)
        ui.execute("SELECT keyward.revoke_location_api_key(%s)", [location])
    assert list(demo.lost()) == [location]
