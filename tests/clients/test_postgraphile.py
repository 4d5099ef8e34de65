"""PostGraphile 4 over HTTP: one login for the API roles, which a signed token (JWT) names for each request; another for the UI."""

import base64
import hashlib
import hmac
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import OFF, ON, SQL, start, until

SECRET = "known to the tests only"


def token(role):
    """A JSON web token for a role."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"role": role, "aud": "postgraphile"}
    text = b".".join(part(json.dumps(data).encode()) for data in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (text + b"." + part(hmac.digest(SECRET.encode(), text, hashlib.sha256))).decode()


class PostGraphile:
    def __init__(self, database, log):
        program = Path(os.environ.get("KEYWARD_CLIENTS", "")) / "node_modules" / ".bin" / "postgraphile"
        if not program.exists():
            pytest.skip("postgraphile is not installed: it takes npm")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/graphql"
        where = ["--connection", database, "--schema", "app", "--host", "127.0.0.1", "--port", str(port)]
        how = ["--jwt-secret", SECRET, "--extended-errors", "errcode", "--disable-graphiql", "--disable-query-log"]
        with log.open("w") as output:
            self.process = start(program, *where, *how, stdout=output, stderr=output)
        self.log = log
        until(self.answers)

    def answers(self):
        try:
            return self.ask(None, "{ __typename }")
        except urllib.error.URLError:
            assert self.process.poll() is None, self.log.read_text()
            return False

    def ask(self, role, query, **variables):
        """Asks as a role; the answer has `data`, `errors` or both."""
        headers = {"Content-Type": "application/json"}
        if role:
            headers["Authorization"] = f"Bearer {token(role)}"
        body = json.dumps({"query": query, "variables": variables}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, body, headers)) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)

    def data(self, role, query, **variables):
        answer = self.ask(role, query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def graphql(demo, tmp_path_factory):
    logs = tmp_path_factory.mktemp("postgraphile")
    api = PostGraphile(demo.url(demo.authenticator()), logs / "api")
    ui = PostGraphile(demo.url("app_ui"), logs / "ui")

    class Both:
        """Asks the one that is for the role; the UI's own login needs no token."""

        def ask(self, role, query, **variables):
            return ui.ask(None, query, **variables) if role == "app_ui" else api.ask(role, query, **variables)

        def data(self, role, query, **variables):
            return ui.data(None, query, **variables) if role == "app_ui" else api.data(role, query, **variables)

    yield Both()
    ui.stop()
    api.stop()


everybody = pytest.mark.parametrize("role", ["api_v1", "api_v2", "app_ui"])
ALL = "{ allLocations { nodes { id accountId name apiKey } } }"
UPDATE = """mutation ($id: BigInt!, $patch: LocationPatch!) {
  updateLocationById(input: {id: $id, locationPatch: $patch}) { location { id apiKey } }
}"""
CREATE = "mutation ($location: LocationInput!) { createLocation(input: {location: $location}) { location { id apiKey } } }"
DELETE = "mutation ($id: BigInt!) { deleteLocationById(input: {id: $id}) { location { id apiKey } } }"


def test_a_login_for_api_roles_only_is_no_obstacle_and_one_for_the_ui_too_is(demo, graphql):
    plan = ("plan", "--check", "--manifest", SQL / "manifest.toml")
    assert "Nothing to do" in demo.keyward(*plan)
    demo.rows("postgres", "GRANT app_ui TO authenticator")
    with pytest.raises(AssertionError, match="authenticator"):
        demo.keyward(*plan)
    demo.rows("postgres", "REVOKE app_ui FROM authenticator")


@everybody
def test_no_row_that_is_read_shows_a_key_of_an_enabled_account(demo, graphql, role):
    read = {int(row["id"]): row["apiKey"] for row in graphql.data(role, ALL)["allLocations"]["nodes"]}
    assert {id: read[id] for id in demo.keys} == {id: demo.expected(id) for id in demo.keys}


@everybody
def test_saving_whole_rows_ends_no_key(demo, graphql, role):
    for row in graphql.data(role, ALL)["allLocations"]["nodes"]:
        saved = graphql.data(role, UPDATE, id=row["id"], patch=row)["updateLocationById"]["location"]
        assert saved["apiKey"] == row["apiKey"]
    assert demo.lost() == {}


@everybody
def test_a_new_location_of_an_enabled_account_has_no_key(graphql, role):
    def created(account, **key):
        new = {"accountId": str(account), "name": "New", **key}
        location = graphql.data(role, CREATE, location=new)["createLocation"]["location"]
        graphql.data(role, DELETE, id=location["id"])
        return location["apiKey"]

    assert created(ON) is None and created(OFF).startswith("loc_")
    assert created(ON, apiKey="chosen") is None and created(OFF, apiKey="chosen") == "chosen"


def test_the_legacy_role_writes_users_of_other_accounts_only(demo, graphql):
    create = "mutation ($user: UserInput!) { createUser(input: {user: $user}) { clientMutationId } }"
    update = """mutation ($id: BigInt!) {
      updateUserById(input: {id: $id, userPatch: {role: "admin"}}) { clientMutationId }
    }"""
    delete = "mutation ($id: BigInt!) { deleteUserById(input: {id: $id}) { clientMutationId } }"

    def attempt(account):
        ((user,),) = demo.rows("postgres", "SELECT min(id) FROM app.users WHERE account_id = %s", [account])
        new = {"accountId": str(account), "email": f"new{account}@example.com"}
        for answer in (
            graphql.ask("api_v1", create, user=new),
            graphql.ask("api_v1", update, id=user),
            graphql.ask("api_v1", delete, id=user),
        ):
            yield answer["errors"][0]["errcode"] if "errors" in answer else "done"

    assert list(attempt(ON)) == ["KW002", "KW002", "KW002"]
    assert list(attempt(OFF)) == ["done", "done", "done"]
