"""SQLAlchemy's ORM over psycopg, one engine for each role."""

from datetime import datetime

import pytest
from conftest import OFF, ON
from sqlalchemy import FetchedValue, MetaData, create_engine, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified


class Base(DeclarativeBase):
    metadata = MetaData(schema="app")


class Location(Base):
    __tablename__ = "locations"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str]
    api_key: Mapped[str] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    email: Mapped[str]
    role: Mapped[str] = mapped_column(server_default=FetchedValue())


@pytest.fixture
def session(demo):
    """Opens sessions by role."""
    opened = []

    def open_session(role):
        engine = create_engine(demo.url(role).replace("postgresql:", "postgresql+psycopg:", 1))
        opened.append((Session(engine), engine))
        return opened[-1][0]

    yield open_session
    for session, engine in opened:
        session.close()
        engine.dispose()


everybody = pytest.mark.parametrize("role", ["api_v1", "api_v2", "app_ui"])


def columns(location):
    return {column.name: getattr(location, column.name) for column in Location.__table__.columns}


@everybody
def test_no_row_that_is_read_shows_a_key_of_an_enabled_account(demo, session, role):
    session = session(role)
    read = session.scalars(select(Location).where(Location.id.in_(demo.keys))).all()
    assert {location.id: location.api_key for location in read} == {id: demo.expected(id) for id in demo.keys}

    on, off = (session.get(Location, demo.of(account)[0]) for account in (ON, OFF))
    session.refresh(on)
    session.refresh(off)
    assert on.api_key is None and off.api_key == demo.keys[off.id]


@everybody
def test_saving_whole_rows_ends_no_key(demo, session, role):
    session = session(role)
    saved = session.scalars(select(Location)).all()
    for location in saved:
        for column in Location.__table__.columns:
            flag_modified(location, column.name)
    session.commit()

    session.execute(update(Location), [columns(location) for location in saved])
    session.commit()
    assert demo.lost() == {}
    assert session.get(Location, demo.of(ON)[0]).api_key is None


@everybody
def test_a_bulk_upsert_of_whole_rows_ends_no_key(demo, session, role):
    session = session(role)
    rows = [columns(location) for location in session.scalars(select(Location))]
    upsert = insert(Location).values(rows)
    changes = {column.name: upsert.excluded[column.name] for column in Location.__table__.columns}
    upserted = session.scalars(
        upsert.on_conflict_do_update(index_elements=["id"], set_=changes).returning(Location),
        execution_options={"populate_existing": True},
    ).all()
    session.commit()
    assert len(upserted) == len(rows) and demo.lost() == {}
    assert session.get(Location, demo.of(ON)[0]).api_key is None


@everybody
def test_a_new_location_of_an_enabled_account_has_no_key(demo, session, role):
    session = session(role)

    def added(account, **key):
        locations = [Location(account_id=account, name="New", **key) for _ in range(3)]
        session.add_all(locations)
        session.commit()
        return locations

    assert all(location.api_key is None for location in added(ON))
    assert all(location.api_key.startswith("loc_") for location in added(OFF))

    for account, expected in (ON, None), (OFF, f"chosen by {role}"):
        location = Location(account_id=account, name="New", api_key=f"chosen by {role}")
        session.add(location)
        session.commit()
        session.refresh(location)
        assert location.api_key == expected


def test_the_legacy_role_writes_users_of_other_accounts_only(session):
    session = session("api_v1")

    def attempt(account):
        user = session.scalars(select(User).where(User.account_id == account)).first()

        def create():
            session.add(User(account_id=account, email=f"new{account}@example.com"))

        def save():
            session.refresh(user)
            for column in User.__table__.columns:
                flag_modified(user, column.name)

        def delete():
            session.delete(user)

        for act in (create, save, delete):
            try:
                act()
                session.commit()
                yield "done"
            except DBAPIError as error:
                session.rollback()
                yield error.orig.sqlstate

    assert list(attempt(ON)) == ["KW002", "KW002", "KW002"]
    assert list(attempt(OFF)) == ["done", "done", "done"]
