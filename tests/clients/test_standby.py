"""A physical standby, made by pg_basebackup."""

import shutil
import signal

import psycopg
import pytest
from conftest import OFF, ON, SQL, Server, start, until


class Standby(Server):
    def __init__(self, primary):
        primary.program("pg_basebackup")
        self.directory, as_user = primary.own()
        self.host, self.port = str(self.directory), primary.port
        data, log = self.directory / "data", self.directory / "log"
        backup = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", f"--pgdata={data}"]
        primary.run("pg_basebackup", *backup, cwd="/", **as_user)
        where = [f"--unix_socket_directories={self.host}", f"--port={self.port}", "--listen_addresses="]
        with log.open("w") as output:
            how = {"cwd": "/", "stdout": output, "stderr": output, **as_user}
            self.process = start(primary.program("postgres"), "-D", data, *where, **how)
        until(self.answers)

    def answers(self):
        try:
            return self.rows("postgres", "SELECT 1", database="postgres")
        except psycopg.OperationalError:
            assert self.process.poll() is None, (self.directory / "log").read_text()
            return False

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.directory)


@pytest.fixture(scope="module")
def standby(demo):
    standby = Standby(demo)
    yield standby
    standby.stop()


everybody = pytest.mark.parametrize("role", ["api_v1", "api_v2", "app_ui"])


@everybody
def test_what_is_read_there_shows_no_key_of_an_enabled_account(demo, standby, role):
    assert standby.rows(role, "SELECT pg_is_in_recovery()") == [(True,)]
    assert dict(standby.rows(role, "SELECT id, api_key FROM app.locations")) == {id: demo.expected(id) for id in demo.keys}


def test_the_vault_is_the_uis_there_too(demo, standby):
    location = demo.of(ON)[0]
    read = "SELECT api_key FROM keyward.vault_location_api_key WHERE id = %s"
    assert standby.rows("app_ui", read, [location]) == [(demo.keys[location],)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        standby.rows("api_v2", read, [location])


def test_every_key_authenticates_there(demo, standby):
    assert demo.lost(server=standby) == {}


def test_a_key_that_is_sealed_is_gone_there_once_it_is_replayed(demo, standby):
    location = demo.of(OFF)[0]

    def read():
        return standby.rows("api_v2", "SELECT api_key FROM app.locations WHERE id = %s", [location])

    assert read() == [(demo.keys[location],)]
    demo.rows("app_ui", "SELECT keyward.opt_in(%s, 'at last')", [OFF])
    until(lambda: read() == [(None,)])
    demo.rows("app_ui", "SELECT keyward.opt_out(%s, 'or not', acknowledge_risk => true)", [OFF])
    until(lambda: read() == [(demo.keys[location],)])


def test_promoted_it_enforces(standby):
    standby.rows("postgres", "SELECT pg_promote()")
    until(lambda: standby.rows("postgres", "SELECT pg_is_in_recovery()") == [(False,)])
    add = "INSERT INTO app.locations (account_id, name) VALUES (%s, 'New') RETURNING api_key"
    assert standby.rows("api_v2", add, [ON]) == [(None,)]
    assert standby.rows("api_v2", add, [OFF])[0][0].startswith("loc_")

    delete = "DELETE FROM app.users WHERE account_id = %s RETURNING id"
    with pytest.raises(psycopg.Error) as refused:
        standby.rows("api_v1", delete, [ON])
    assert refused.value.sqlstate == "KW002"
    assert standby.rows("api_v1", delete, [OFF])
    assert "Nothing to do" in standby.keyward("plan", "--check", "--manifest", SQL / "manifest.toml")
