-- These tables only grow, so there is nothing for a vacuum to clean. It would only make known how much room is left at the
-- end of each old page, and PostgreSQL would then put each new row that is short enough into one of these: another page
-- to be read, changed and written whole to the log for every row, instead of one for a dozen. Statistics are gathered as
-- before; rows are frozen when their age demands it.
alter table journal set (autovacuum_vacuum_insert_threshold = -1);
alter table journal_beside set (autovacuum_vacuum_insert_threshold = -1);
alter table voucher set (autovacuum_vacuum_insert_threshold = -1);
alter table voucher_line set (autovacuum_vacuum_insert_threshold = -1);
