-- A clean cut of a company's log: a moment at which everything that was said of it is committed, and from which on
-- whatever else is said comes later in the log. Whoever appends holds this lock shared until its transaction ends
-- (shared/log.py); whoever cuts takes it alone (shared/subledger.py). Only this number says which lock that is.
create function log_lock(company text) returns bigint language sql immutable parallel safe
    return hashtextextended(company, 4411);
