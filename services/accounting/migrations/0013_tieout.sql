-- Tie-out (账账核对): what producers state of their subledgers, against the lines posted from them up to the same position
-- of their log. All of it follows from the journal, the lines and what was stated, so it may change.

-- The statements, in the order of the log; `balances` is kept until the statement was compared. One that came in several
-- parts is compared with its last.
create table tie_statement (
    company     text        not null,
    source      text        not null,
    position    bigint      not null,
    event_id    uuid        not null,
    stated_at   timestamptz not null,
    last_part   boolean     not null,
    balances    jsonb,
    state       text        not null default 'waiting' check (state in ('waiting', 'part', 'agreed', 'differs')),
    compared_at timestamptz,
    primary key (company, source, position)
);
create index tie_statement_waiting on tie_statement (company, source, position) where state = 'waiting';
create index tie_statement_compared on tie_statement (company, source, position) where state in ('agreed', 'differs');

-- How far the sums below go in a producer's log, and how far all of it was compared.
create table tie_head (
    company  text   not null,
    source   text   not null,
    position bigint not null,
    compared bigint not null,
    primary key (company, source)
);

-- A key's balance as it was stated last, and as the lines of its producer make it, both up to `tie_head.position`, on the
-- side where the role normally stands. The key '' is the whole role.
create table tie (
    company text    not null,
    ledger  text    not null,
    role    text    not null,
    key     text    not null,
    stated  numeric not null,
    posted  numeric not null,
    primary key (company, ledger, role, key)
) with (fillfactor = 80);
create index tie_apart on tie (company, ledger, role, key) where stated <> posted;

-- What differs, and the search for the first event that parts the two: `after` and `until` is the stretch of the
-- producer's log that is being compared event by event, `since_position` where both still agreed. A search that has come
-- to an end without an event has found that the balance differs from its own movements.
create table tie_difference (
    company        text        not null,
    ledger         text        not null,
    role           text        not null,
    key            text        not null,
    found_at       bigint      not null,
    source         text        not null,
    since_position bigint      not null,
    stated         numeric     not null,
    posted         numeric     not null,
    state          text        not null check (state in ('searching', 'event', 'balance', 'mended')),
    stated_at      timestamptz not null,
    after          bigint      not null,
    until          bigint      not null,
    asked_at       timestamptz not null,
    event_id       uuid,
    event_type     text,
    event_position bigint,
    event_stated   numeric,
    event_posted   numeric,
    named_at       timestamptz,
    mended_at      timestamptz,
    primary key (company, ledger, role, key, found_at),
    check ((state = 'event') <= (event_position is not null))
);
create unique index tie_difference_open on tie_difference (company, ledger, role, key) where state <> 'mended';
create index tie_difference_searching on tie_difference (company, source) where state = 'searching';

-- What producers showed of their movements, until it was looked at.
create table tie_page (
    company   text   not null,
    event_id  uuid   not null,
    source    text   not null,
    role      text   not null,
    key       text   not null,
    after     bigint not null,
    until     bigint not null,
    movements jsonb  not null,
    primary key (company, event_id)
);

grant select, insert, update on tie_statement, tie_head, tie, tie_difference to fenlu_service;
grant select, insert, delete on tie_page to fenlu_service;
