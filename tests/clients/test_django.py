"""Django's ORM over psycopg, one database alias for each role. `save()` writes every column."""

import django
import pytest
from conftest import OFF, ON
from django.conf import settings
from django.db import DatabaseError, connections, models
from django.db.models.functions import Now

ROLES = ["api_v1", "api_v2", "app_ui"]

settings.configure(DATABASES={"default": {}}, USE_TZ=True)
django.setup()


class Location(models.Model):
    id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    name = models.TextField()
    api_key = models.TextField(unique=True, db_default=models.Func(function="gen_random_uuid"))
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label, managed, db_table = "shop", False, "locations"


class User(models.Model):
    id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    email = models.TextField(unique=True)
    role = models.TextField(db_default=models.Value("member"))

    class Meta:
        app_label, managed, db_table = "shop", False, "users"


COLUMNS = [field.name for field in Location._meta.fields if field.name != "id"]


@pytest.fixture(scope="module", autouse=True)
def databases(demo):
    for role in ROLES:
        where = {"HOST": demo.host, "PORT": demo.port, "NAME": "demo", "USER": role}
        alias = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"options": "-c search_path=app"}, **where}
        connections.databases[role] = connections.configure_settings({"default": {}, role: alias})[role]
    yield
    connections.close_all()


everybody = pytest.mark.parametrize("role", ROLES)


@everybody
def test_no_row_that_is_read_shows_a_key_of_an_enabled_account(demo, role):
    read = Location.objects.using(role).filter(id__in=demo.keys)
    assert {location.id: location.api_key for location in read} == {id: demo.expected(id) for id in demo.keys}

    on, off = (Location.objects.using(role).get(id=demo.of(account)[0]) for account in (ON, OFF))
    on.refresh_from_db()
    off.refresh_from_db()
    assert on.api_key is None and off.api_key == demo.keys[off.id]


@everybody
def test_saving_whole_rows_ends_no_key(demo, role):
    for location in Location.objects.using(role):
        location.save()
    everything = list(Location.objects.using(role))
    assert Location.objects.using(role).bulk_update(everything, COLUMNS) == len(everything)
    assert demo.lost() == {}
    assert Location.objects.using(role).get(id=demo.of(ON)[0]).api_key is None


@everybody
def test_a_bulk_upsert_of_whole_rows_ends_no_key(demo, role):
    everything = list(Location.objects.using(role))
    Location.objects.using(role).bulk_create(everything, update_conflicts=True, unique_fields=["id"], update_fields=COLUMNS)
    assert demo.lost() == {}
    assert Location.objects.using(role).get(id=demo.of(ON)[0]).api_key is None


@everybody
def test_a_new_location_of_an_enabled_account_has_no_key(role):
    def created(account, **key):
        location = Location.objects.using(role).create(account_id=account, name="New", **key)
        location.refresh_from_db()
        return location.api_key

    assert created(ON) is None and created(OFF)
    chosen = f"chosen by {role}"
    assert created(ON, api_key=chosen) is None and created(OFF, api_key=chosen) == chosen

    made = [Location(account_id=account, name="New") for account in (ON, OFF)]
    on, off = Location.objects.using(role).bulk_create(made)
    on.refresh_from_db()
    off.refresh_from_db()
    assert on.api_key is None and off.api_key


def test_the_legacy_role_writes_users_of_other_accounts_only():
    users = User.objects.using("api_v1")

    def attempt(account):
        user = users.filter(account_id=account).first()

        def create():
            users.create(account_id=account, email=f"new{account}@example.com")

        for act in (create, user.save, user.delete):
            try:
                act()
                yield "done"
            except DatabaseError as error:
                yield error.__cause__.sqlstate

    assert list(attempt(ON)) == ["KW002", "KW002", "KW002"]
    assert list(attempt(OFF)) == ["done", "done", "done"]
