"""The SQL contract in pgTAP (contract.sql), judged by pg_prove."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT


def test_the_contract_holds(demo):
    if shutil.which("pg_prove") is None:
        pytest.skip("pg_prove is not installed")
    if not demo.rows("postgres", "SELECT name FROM pg_available_extensions WHERE name = 'pgtap'"):
        pytest.skip("the server comes without the extension pgtap")
    where = {"PGHOST": demo.host, "PGPORT": str(demo.port), "PGUSER": "postgres", "PGDATABASE": "demo"}
    command = ["pg_prove", "--verbose", ROOT / "tests" / "clients" / "contract.sql"]
    proved = subprocess.run(command, env=os.environ | where, capture_output=True, text=True)
    print(proved.stdout)
    assert proved.returncode == 0 and "Result: PASS" in proved.stdout, proved.stderr
