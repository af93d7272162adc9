-- Who may sign in. `password` is Argon2id; `roles` are the console's (domain/roles.py).
create table account (
    name         text        primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'),
    company      text        not null,
    display_name text        not null,
    password     text        not null,
    roles        text[]      not null,
    state        text        not null check (state in ('active', 'locked')),
    made_by      text        not null,
    made_at      timestamptz not null,
    password_at  timestamptz not null
);
create index account_company on account (company, name);

-- A browser that is signed in. Only the hash of its token is here: who reads the table cannot sign in with it.
create table session (
    token_hash bytea       primary key,
    account    text        not null references account on delete cascade,
    address    text        not null,
    made_at    timestamptz not null,
    seen_at    timestamptz not null,
    expires_at timestamptz not null
);
create index session_account on session (account);
create index session_expires on session (expires_at);

-- Failed attempts in a row to sign in, by account (whether there is such or not) and by address.
create table attempt (
    kind     text        not null check (kind in ('account', 'address')),
    key      text        not null,
    failures integer     not null,
    last_at  timestamptz not null,
    until    timestamptz not null,
    primary key (kind, key)
);
create index attempt_last on attempt (last_at);

-- Who did what here, for ever. What the services were asked stands in their own logs, too.
create table audit (
    seq     bigint      generated always as identity primary key,
    at      timestamptz not null,
    company text        not null,
    account text        not null,
    address text        not null,
    action  text        not null,
    object  text        not null,
    detail  jsonb       not null
);
create index audit_company on audit (company, seq desc);
create index audit_account on audit (company, account, seq desc);
create trigger append_only before update or delete or truncate on audit
    for each statement execute function refuse_change();
alter table audit enable always trigger append_only;

-- What happened, in the order in which the console heard it; `walk` is the story it belongs to (its order, if it has one).
create table feed (
    company        text        not null,
    seq            bigint      generated always as identity,
    event_id       uuid        not null,
    type           text        not null,
    subject        text        not null,
    walk           text        not null,
    version        integer     not null,
    position       bigint,
    actor          text        not null,
    said_at        timestamptz not null,
    correlation_id uuid        not null,
    causation_id   uuid,
    amount         numeric(20,4),
    currency       text,
    body           jsonb       not null,
    primary key (company, seq),
    unique (company, event_id)
);
create index feed_walk on feed (company, walk, seq);

-- How often, and for how much, something happened on a day of the console's time zone.
create table day_figure (
    company text    not null,
    day     date    not null,
    type    text    not null,
    events  bigint  not null,
    amount  numeric(24,4) not null,
    primary key (company, day, type)
);

grant select, insert, update, delete on account, session, attempt to fenlu_service;
grant select, insert on audit, feed to fenlu_service;
grant select, insert, update on day_figure to fenlu_service;
