-- What producers and hearers need to notice that something was said and not heard, and to mend it.

-- The position under which an event stands in its producer's log; with it a hearer can count what it heard of a stretch.
-- Whether a thing was heard must be found in the inbox, among those that wait, or among those that were rejected.
alter table inbox add column position bigint;
alter table pending add column position bigint;
create index inbox_position on inbox (company, source, position);

-- The producer: how many events of each type it has said up to position `stated`.
alter table relay_cursor add column stated bigint not null default 0;
create table said (
    company text   not null,
    type    text   not null,
    events  bigint not null,
    primary key (company, type)
);

-- The producer: stretches that a hearer asked to hear again; the relay says them, from `next` on.
create table say_again (
    company text        not null,
    hearer  text        not null,
    first   bigint      not null,
    last    bigint      not null,
    types   text[]      not null,
    next    bigint      not null,
    at      timestamptz not null,
    primary key (company, hearer)
);

-- The producer: a hearer has heard more than this log holds, so this database is older than what was said from it.
-- Nothing of that company is published any more until somebody has looked.
create table went_back (
    company text        primary key,
    head    bigint      not null,
    heard   bigint      not null,
    hearer  text        not null,
    at      timestamptz not null
);

-- The hearer: up to which position everything is here that a producer said of the types it hears, and how much that is.
create table heard_whole (
    company   text        not null,
    source    text        not null,
    position  bigint      not null,
    events    bigint      not null,
    types     text        not null,
    stated_at timestamptz not null,
    primary key (company, source)
);

-- The hearer: a stretch in which something is missing. It is asked for once it stands here, and again when `due` is past.
create table hole (
    company text        not null,
    source  text        not null,
    first   bigint      not null,
    last    bigint      not null,
    types   text        not null,
    missing bigint      not null,
    since   timestamptz not null,
    tries   integer     not null,
    due     timestamptz not null,
    asked   boolean     not null,
    primary key (company, source)
);
