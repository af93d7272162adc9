-- Tables with personal data are `customer`, `customer_word`, `contact`, `communication` and `complaint`. A person may ask
-- that such rows be erased (个人信息保护法 47), so they are not append-only; what others said has no personal data and is.

create table company (
    company  text primary key,
    currency text not null
);

create table customer (
    company      text    not null,
    customer_id  text    not null,
    name         text    not null,
    salesperson  text,
    credit_limit numeric not null check (credit_limit >= 0),
    primary key (company, customer_id)
);

-- What a customer is found by: every ending of its name and of its id, so that any part of them is the beginning of a
-- word. Two Chinese characters are enough to search with, and no extension or locale of the database is needed.
create table customer_word (
    company     text not null,
    word        text not null collate "C",
    customer_id text not null,
    primary key (company, word, customer_id),
    foreign key (company, customer_id) references customer
);

create table contact (
    company     text not null,
    contact_id  text not null,
    customer_id text not null,
    name        text not null,
    title       text,
    phone       text,
    email       text,
    primary key (company, contact_id),
    foreign key (company, customer_id) references customer
);
create index contact_customer on contact (company, customer_id, contact_id);

-- `talked_on` is the day of the talk where it took place; `followed_up_by` is the talk that did what `follow_up_on` asked.
create table communication (
    company          text        not null,
    communication_id text        not null,
    customer_id      text        not null,
    contact_id       text,
    channel          text        not null,
    talked_at        timestamptz not null,
    talked_on        date        not null,
    author           text        not null,
    text             text        not null,
    follow_up_on     date,
    followed_up_by   text,
    primary key (company, communication_id),
    foreign key (company, customer_id) references customer,
    foreign key (company, contact_id) references contact
);
create index communication_customer on communication (company, customer_id, talked_at, communication_id);
create index communication_to_follow on communication (company, follow_up_on, communication_id)
    where follow_up_on is not null and followed_up_by is null;

create table complaint (
    company      text        not null,
    complaint_id text        not null,
    customer_id  text        not null,
    order_id     text,
    filed_at     timestamptz not null,
    filed_by     text        not null,
    due_at       timestamptz not null,
    assignee     text,
    text         text        not null,
    resolved_at  timestamptz,
    resolved_by  text,
    resolution   text,
    primary key (company, complaint_id),
    foreign key (company, customer_id) references customer,
    constraint due_after_filed check (due_at >= filed_at),
    constraint resolved_after_filed check (resolved_at >= filed_at),
    constraint resolved_in_full check ((resolved_at is null) = (resolved_by is null)
                                       and (resolved_at is null) = (resolution is null))
);
create index complaint_filed on complaint (company, filed_at, complaint_id);
create index complaint_customer on complaint (company, customer_id, filed_at, complaint_id);
create index complaint_open on complaint (company, due_at, complaint_id) where resolved_at is null;
create index complaint_open_customer on complaint (company, customer_id, due_at) where resolved_at is null;

-- What other services said, for the customer's page. Aggregates are heard in no common order, so a delivery may come
-- before its order: nothing here refers to anything, and whoever comes first makes the row.

create table product (
    company text not null,
    sku     text not null,
    name    text not null,
    unit    text not null,
    primary key (company, sku)
);

-- One row per delivery, return, invoice, red invoice, receipt and refund.
create table document (
    company     text    not null,
    kind        text    not null check (kind in ('delivery', 'return', 'invoice', 'credit_note', 'payment', 'refund')),
    document_id text    not null,
    customer_id text    not null,
    order_id    text,
    happened_on date    not null,
    amount      numeric not null,
    primary key (company, kind, document_id)
);
create index document_customer on document (company, customer_id, kind, happened_on, document_id);
create trigger append_only before update or delete or truncate on document
    for each statement execute function refuse_change();
alter table document enable always trigger append_only;

-- The columns from `ordered_on` to `gross` are null until `OrderPlaced` is heard. `state` is what the order's own events
-- say; `settled_at` and `returned_at` are positions in the log of `order`: a return after the settlement opens it again.
create table customer_order (
    company     text    not null,
    order_id    text    not null,
    customer_id text    not null,
    ordered_on  date,
    salesperson text,
    quantity    numeric,
    net         numeric,
    tax         numeric,
    gross       numeric,
    state       text check (state in ('placed', 'held', 'approved', 'cancelling', 'cancelled', 'rejected')),
    settled_at  bigint,
    returned_at bigint,
    shipped     numeric not null,
    delivered   numeric not null,
    returned    numeric not null,
    invoiced    numeric not null,
    paid        numeric not null,
    primary key (company, order_id)
);
create index customer_order_newest on customer_order (company, customer_id, ordered_on, order_id);

-- Running sums, so that a page never adds up a history. `advances` is the part of `paid` that pays no delivery yet.
create table customer_account (
    company     text    not null,
    customer_id text    not null,
    delivered   numeric not null,
    returned    numeric not null,
    paid        numeric not null,
    refunded    numeric not null,
    advances    numeric not null,
    primary key (company, customer_id)
);

-- What a customer bought of a product, less what came back; without a day only returns were heard so far.
create table customer_purchase (
    company     text    not null,
    customer_id text    not null,
    sku         text    not null,
    quantity    numeric not null,
    net         numeric not null,
    last_bought date,
    primary key (company, customer_id, sku)
);
create index customer_purchase_newest on customer_purchase (company, customer_id, last_bought, sku);
