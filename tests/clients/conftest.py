"""What every client starts from: the demo's application on a server of its own, keyward applied, half of its accounts enabled."""

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "sql" / "demo"
KEYWARD = os.environ.get("KEYWARD", ROOT / "target" / "debug" / "keyward")

ACCOUNTS = 20  # each with 5 locations and 10 users; the even ones opted out
ON, OFF = 1, 2


def until(holds):
    """Waits until something holds, or fails in the end."""
    give_up = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up, "it didn't come about within a minute"
        time.sleep(0.05)


def start(*command, **options):
    """Starts a program that ends with the tests, however they end."""
    process = subprocess.Popen(command, **options)
    atexit.register(process.terminate)
    return process


class Server:
    """A server of one's own, which `keyward sandbox` starts and which ends with it."""

    def __init__(self, *arguments):
        self.process = start(KEYWARD, "sandbox", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        url = self.process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"keyward sandbox: {self.process.stderr.read()}")
        where = conninfo_to_dict(url)
        self.host, self.port = where["host"], int(where["port"])

    def stop(self):
        self.process.terminate()
        self.process.communicate()

    def url(self, role, database="demo"):
        return f"postgresql:///{database}?host={self.host}&port={self.port}&user={role}"

    def connect(self, role, database="demo"):
        """A connection in autocommit mode."""
        return psycopg.connect(self.url(role, database), autocommit=True)

    def rows(self, role, statement, parameters=None, database="demo"):
        with self.connect(role, database) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description is not None else []

    def published(self, database="demo"):
        """The keys in the application's column, as the superuser reads them, who reads everything."""
        return dict(self.rows("postgres", "SELECT id, api_key FROM app.locations", database=database))

    def keyward(self, *arguments, database="demo"):
        """Runs keyward as the owner of the application's tables, and returns what it printed."""
        command = [KEYWARD, *arguments, "--database-url", self.url("app_owner", database)]
        ran = subprocess.run(command, cwd=SQL.parent, capture_output=True, text=True)
        assert ran.returncode == 0, f"keyward {' '.join(map(str, arguments))}: {ran.stderr}{ran.stdout}"
        return ran.stdout

    def own(self):
        """Makes a directory of the user that the server runs as, and returns it with how to run a program as that user."""
        directory = Path(tempfile.mkdtemp(prefix="kw", dir="/tmp"))
        user = os.stat(self.host)
        shutil.chown(directory, user.st_uid, user.st_gid)
        nobody_else = os.geteuid() == user.st_uid
        return directory, {} if nobody_else else {"user": user.st_uid, "group": user.st_gid, "extra_groups": []}

    def program(self, name):
        """One of the server's own programs; a test that needs one which isn't there is skipped."""
        ((directory,),) = self.rows("postgres", "SELECT setting FROM pg_config() WHERE name = 'BINDIR'", database="postgres")
        if not (Path(directory) / name).exists():
            pytest.skip(f"the server comes without {name}")
        return Path(directory) / name

    def run(self, program, *arguments, check=True, **options):
        """Runs one of the server's own programs as the superuser."""
        where = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": "postgres", **options.pop("env", {})}
        ran = subprocess.run([self.program(program), *arguments], env=os.environ | where, capture_output=True, text=True, **options)
        assert not check or ran.returncode == 0, f"{program}: {ran.stderr}"
        return ran


class Demo(Server):
    """The demo's application: keyward applied, rolled out and finished. `keys` are the keys from before, by location."""

    def __init__(self, *arguments):
        super().__init__("--schema", SQL / "roles.sql", *arguments)
        with self.connect("app_owner") as owner:
            owner.execute((SQL / "schema.sql").read_text())
            owner.execute("PREPARE data(bigint) AS " + (SQL / "data.sql").read_text())
            owner.execute(f"EXECUTE data({ACCOUNTS})")
            for table in ("accounts", "locations", "users"):
                owner.execute(f"SELECT setval(pg_get_serial_sequence('app.{table}', 'id'), max(id)) FROM app.{table}")
        self.keys = dict(self.rows("postgres", "SELECT id, api_key FROM app.locations"))
        self.accounts = dict(self.rows("postgres", "SELECT id, account_id FROM app.locations"))

    def enforce(self):
        manifest = ("--manifest", SQL / "manifest.toml")
        self.keyward("apply", "--yes", "--allow", "drops_not_null,enables_rls,revokes_privileges", *manifest)
        for account in range(OFF, ACCOUNTS + 1, 2):
            self.rows("app_ui", "SELECT keyward.opt_out(%s, 'asked before', acknowledge_risk => true)", [account])
        self.keyward("rollout", "run", "--yes", *manifest)
        self.keyward("rollout", "finish", "--yes", *manifest)
        return self

    def authenticator(self):
        """A login for API roles only, which says which one it is for each transaction. It can't act as the UI."""
        self.rows("postgres", "CREATE ROLE authenticator LOGIN NOINHERIT; GRANT api_v1, api_v2 TO authenticator")
        return "authenticator"

    def expected(self, location):
        """The key that a location shows in its column: none if its account is enabled."""
        return None if self.accounts[location] % 2 == 1 else self.keys[location]

    def of(self, account):
        """The locations of an account, as they were in the beginning."""
        return sorted(location for location, owner in self.accounts.items() if owner == account)

    def lost(self, database="demo", server=None):
        """The keys from before that don't lead to their location and account any more, here or on another server."""
        ask = "SELECT id, account FROM keyward.authenticate_location_api_key(%s)"
        with (server or self).connect("api_gateway", database) as gateway:
            found = {id: gateway.execute(ask, [key]).fetchall() for id, key in self.keys.items()}
        return {id: key for id, key in self.keys.items() if found[id] != [(id, self.accounts[id])]}


@pytest.fixture(scope="module")
def demo():
    demo = Demo()
    try:
        yield demo.enforce()
    finally:
        demo.stop()
