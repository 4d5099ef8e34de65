-- Adds rows of the file: line numbers, accounts as given, reasons, who asked for it.
INSERT INTO pg_temp.keyward_import (line, given, account, reason, requested_by)
SELECT r.line::bigint, r.given, pg_temp.keyward_account(r.given), r.reason, r.requested_by
  FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]))
    AS r (line, given, reason, requested_by)
