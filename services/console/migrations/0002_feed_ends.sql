-- What is older than CONSOLE_FEED_DAYS goes out of the feed, a little with every batch that comes in. Each batch looks for
-- it at the beginning of the primary key, so what was deleted there is cleaned away often.
grant delete on feed to fenlu_service;
alter table feed set (autovacuum_vacuum_scale_factor = 0.02);
