-- `secret` must be readable, since requests are signed with it; it is shown once and never logged. `previous_secret` signs
-- too until `previous_until`. A `disabled` subscription gets nothing more; a `paused` one gets it later.
create table subscription (
    company         text        not null,
    subscription_id text        not null,
    url             text        not null,
    hears           text[]      not null,
    secret          text        not null,
    previous_secret text,
    previous_until  timestamptz,
    state           text        not null check (state in ('active', 'paused', 'disabled')),
    reason          text        not null default '',
    made_by         text        not null,
    made_at         timestamptz not null,
    delivered_at    timestamptz,
    primary key (company, subscription_id)
);

-- The log of deliveries. `due` is when it is tried next; while it is being tried, when somebody else may take it over.
create table delivery (
    company         text        not null,
    subscription_id text        not null,
    delivery_id     text        not null,
    type            text        not null,
    subject         text        not null,
    body            bytea       not null,
    state           text        not null check (state in ('due', 'delivered', 'failed')),
    attempts        integer     not null default 0,
    made_at         timestamptz not null,
    due             timestamptz not null,
    seq             bigint      generated always as identity,
    status          integer,
    error           text        not null default '',
    primary key (company, subscription_id, delivery_id),
    foreign key (company, subscription_id) references subscription on delete cascade
);
create index delivery_due on delivery (company, subscription_id, due, seq) where state = 'due';
create index delivery_log on delivery (company, subscription_id, seq desc);
create index delivery_done on delivery (due) where state <> 'due';

grant select, insert, update, delete on subscription, delivery to fenlu_service;
