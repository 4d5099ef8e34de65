r"""psql's \copy, in and out."""

import csv

import pytest
from conftest import OFF, ON

everybody = pytest.mark.parametrize("role", ["api_v1", "api_v2", "app_ui"])


def copy(demo, role, command, check=True):
    variables = ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose"]
    return demo.run("psql", "--no-psqlrc", *variables, "--dbname=demo", f"--command={command}", env={"PGUSER": role}, check=check)


@everybody
def test_what_is_copied_out_holds_no_key_of_an_enabled_account(demo, tmp_path, role):
    file = tmp_path / "locations.csv"
    copy(demo, role, rf"\copy app.locations TO '{file}' (FORMAT csv, HEADER)")
    copied = {int(row["id"]): row["api_key"] or None for row in csv.DictReader(file.open())}
    assert {id: copied[id] for id in demo.keys} == {id: demo.expected(id) for id in demo.keys}


@everybody
def test_what_is_copied_in_has_no_key_in_an_enabled_account(demo, tmp_path, role):
    file = tmp_path / "new.csv"
    file.write_text(f"{ON},{role},copied in by {role}\n{OFF},{role},copied in by {role} too\n")
    copy(demo, role, rf"\copy app.locations (account_id, name, api_key) FROM '{file}' (FORMAT csv)")
    stored = demo.rows("postgres", "SELECT account_id, api_key FROM app.locations WHERE name = %s", [role])
    assert dict(stored) == {ON: None, OFF: f"copied in by {role} too"}

    file.write_text(f"{ON},{role} again\n{OFF},{role} again\n")
    copy(demo, role, rf"\copy app.locations (account_id, name) FROM '{file}' (FORMAT csv)")
    stored = dict(demo.rows("postgres", "SELECT account_id, api_key FROM app.locations WHERE name = %s", [f"{role} again"]))
    assert stored[ON] is None and stored[OFF].startswith("loc_")


def test_users_are_copied_in_by_no_role_that_row_level_security_holds_for(demo, tmp_path):
    file = tmp_path / "users.csv"
    for account in (ON, OFF):
        file.write_text(f"{account},new{account}@example.com\n")
        command = rf"\copy app.users (account_id, email) FROM '{file}' (FORMAT csv)"
        for role in ("api_v1", "api_v2"):
            refused = copy(demo, role, command, check=False)
            assert refused.returncode != 0 and "0A000" in refused.stderr
        assert copy(demo, "app_owner", command).stdout == "COPY 1\n"
