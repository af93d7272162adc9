-- See shared/migrations/0003_rights.sql.
grant select, insert on effect to fenlu_service;
