"""Databases: the rows of one query, over any DBAPI connection or SQLAlchemy."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from childsurv.errors import DataError, OptionError
from childsurv.extract.raw_table import Chooser, RawTable, table_of_frame

QUERY = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(SELECT|WITH|VALUES|TABLE|FROM)\b", re.IGNORECASE | re.DOTALL
)
"""How a statement that returns rows begins, after comments."""


def read_query(query: Any, connection: Any, choose: Chooser) -> RawTable:
    """Read the columns wanted of the rows that a query returns.

    The connection is neither committed nor closed. Of an error of the database only its class and state are shown,
    because its words may quote values.

    Parameters
    ----------
    query
        A statement that returns rows.
    connection
        A DBAPI connection, or an engine or connection of SQLAlchemy.
    choose
        Picks the headers wanted.
    """
    if not isinstance(query, str) or QUERY.match(query) is None:
        raise OptionError(
            "With connection=, the first argument is a query: a text that begins with SELECT, WITH, VALUES or TABLE."
        )
    driver = type(connection).__module__.split(".")[0].lstrip("_")
    try:
        headers, rows = _fetch(query, connection, driver)
    except (DataError, OptionError):
        raise
    except Exception as error:
        raise DataError(
            f"The database refused the query: {_described(error)}. Run it in a database client, which shows its full "
            "message, and correct it; or open the connection again if it was closed."
        ) from None
    frame = pd.DataFrame({place: [row[place] for row in rows] for place in range(len(headers))})
    return table_of_frame(frame.set_axis(headers, axis=1), f"query over {driver}", choose)


def _fetch(query: str, connection: Any, driver: str) -> tuple[list[str], list[Any]]:
    if driver == "sqlalchemy":
        if hasattr(connection, "connect") and not hasattr(connection, "exec_driver_sql"):
            with connection.connect() as opened:
                return _fetch(query, opened, driver)
        result = connection.exec_driver_sql(query)
        if not result.returns_rows:
            raise DataError("The statement is no query: it returns no rows.")
        return list(result.keys()), list(result.fetchall())
    if not hasattr(connection, "cursor"):
        raise OptionError(
            "connection= takes a DBAPI connection (it has a method cursor), or an engine or connection of SQLAlchemy; "
            f"a {type(connection).__name__} is neither."
        )
    # A cursor of DuckDB is a connection of its own, which does not see the views of this one.
    cursor = connection.cursor() if driver != "duckdb" else connection
    try:
        cursor.execute(query)
        if cursor.description is None:
            raise DataError("The statement is no query: it returns no rows.")
        return [str(column[0]) for column in cursor.description], list(cursor.fetchall())
    finally:
        if cursor is not connection:
            cursor.close()


def _described(error: Exception) -> str:
    """Name the class of an error and the state that the database gave, never its words."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    name = f"{type(cause).__module__.split('.')[0].lstrip('_')}.{type(cause).__name__}"
    return f"{name}, state {state}" if state else name
