-- Master data that other services said.
create table company (
    company  text    primary key,
    currency text    not null,
    vat_rate numeric not null check (vat_rate >= 0 and vat_rate < 1)
);

create table product (
    company text not null,
    sku     text not null,
    primary key (company, sku)
);

-- Trade accounts (往来单位); crm owns them. Whoever decides on a customer's money locks its row first, then the rows of orders.
create table customer (
    company      text    not null,
    customer_id  text    not null,
    credit_limit numeric not null check (credit_limit >= 0),
    primary key (company, customer_id)
);

-- `committed` is the gross of approved goods that are not delivered yet: what the credit check counts.
-- `stopped_on` and `stop_reason` are of the rejection or cancellation that a person asked for.
create table sales_order (
    company     text    not null,
    order_id    text    not null,
    customer_id text    not null,
    ordered_on  date    not null,
    currency    text    not null,
    warehouse   text    not null,
    salesperson text,
    maker       text    not null,
    approver    text,
    state       text    not null check (state in ('placed', 'short', 'held', 'approved', 'cancelling', 'cancelled',
                                                  'rejected', 'delivered', 'settled')),
    settled     boolean not null default false,
    net         numeric not null,
    tax         numeric not null,
    gross       numeric not null,
    committed   numeric not null default 0,
    stopped_on  date,
    stop_reason text,
    primary key (company, order_id),
    foreign key (company, customer_id) references customer,
    constraint order_adds_up check (net >= 0 and tax >= 0 and gross = net + tax),
    constraint no_more_delivered_than_approved check (committed >= 0 and committed <= gross),
    constraint maker_does_not_approve check (approver <> maker),
    constraint only_approved_commits check (approver is not null or committed = 0),
    constraint settled_is_final check (settled = (state = 'settled') or state = 'cancelled')
);
create index sales_order_newest on sales_order (company, ordered_on, order_id);
create index sales_order_state on sales_order (company, state, ordered_on, order_id);
create index sales_order_customer on sales_order (company, customer_id, ordered_on, order_id);
create index sales_order_committed on sales_order (company, customer_id) include (committed) where committed > 0;

-- The delivered sums only grow, up to what was ordered.
create table order_line (
    company       text    not null,
    order_id      text    not null,
    line          integer not null check (line > 0),
    sku           text    not null,
    quantity      numeric not null check (quantity > 0),
    unit_price    numeric not null check (unit_price >= 0),
    tax_rate      numeric not null,
    net           numeric not null check (net >= 0),
    tax           numeric not null check (tax >= 0),
    delivered     numeric not null default 0,
    delivered_net numeric not null default 0,
    delivered_tax numeric not null default 0,
    primary key (company, order_id, line),
    foreign key (company, order_id) references sales_order,
    constraint no_more_delivered_than_ordered check (delivered >= 0 and delivered <= quantity),
    constraint net_within_line check (delivered_net >= 0 and delivered_net <= net),
    constraint tax_within_line check (delivered_tax >= 0 and delivered_tax <= tax)
) with (fillfactor = 80);

create table invoice (
    company     text    not null,
    invoice_id  text    not null,
    order_id    text    not null,
    customer_id text    not null,
    issued_on   date    not null,
    currency    text    not null,
    net         numeric not null,
    tax         numeric not null,
    gross       numeric not null,
    primary key (company, invoice_id),
    foreign key (company, order_id) references sales_order,
    constraint invoice_adds_up check (gross = net + tax)
);
create index invoice_order on invoice (company, order_id);
create trigger append_only before update or delete or truncate on invoice
    for each statement execute function refuse_change();
alter table invoice enable always trigger append_only;

-- What a shipment is worth. `open` is the receivable: value - returned - paid + paid back; what is below zero is a credit
-- of the customer. What came back in full before it was invoiced needs no invoice.
create table delivery (
    company      text    not null,
    delivery_id  text    not null,
    order_id     text    not null,
    customer_id  text    not null,
    delivered_on date    not null,
    currency     text    not null,
    net          numeric not null check (net >= 0),
    tax          numeric not null check (tax >= 0),
    gross        numeric not null,
    open         numeric not null,
    invoice_id   text,
    returned_net numeric not null default 0 check (returned_net between 0 and net),
    returned_tax numeric not null default 0 check (returned_tax between 0 and tax),
    returned_in_full boolean not null default false,
    primary key (company, delivery_id),
    foreign key (company, order_id) references sales_order,
    foreign key (company, invoice_id) references invoice,
    constraint delivery_adds_up check (gross = net + tax),
    constraint no_more_paid_than_delivered check (open >= -(returned_net + returned_tax)),
    constraint no_more_paid_back_than_paid check (open <= gross - returned_net - returned_tax)
);
create index delivery_order on delivery (company, order_id);
create index delivery_open on delivery (company, customer_id, delivered_on, delivery_id) include (open) where open <> 0;

-- Money received. `unallocated` is the advance (预收) that waits for a delivery, or to be paid back.
create table payment (
    company     text    not null,
    payment_id  text    not null,
    customer_id text    not null,
    order_id    text,
    received_on date    not null,
    currency    text    not null,
    amount      numeric not null check (amount > 0),
    unallocated numeric not null,
    primary key (company, payment_id),
    foreign key (company, customer_id) references customer,
    foreign key (company, order_id) references sales_order,
    constraint no_more_allocated_than_received check (unallocated >= 0 and unallocated <= amount)
);
create index payment_order on payment (company, order_id) where order_id is not null;
create index payment_unallocated on payment (company, customer_id, received_on, payment_id) include (unallocated)
    where unallocated > 0;

-- Which receipt paid which delivery.
create table allocation (
    company      text    not null,
    delivery_id  text    not null,
    payment_id   text    not null,
    allocated_on date    not null,
    amount       numeric not null check (amount > 0),
    primary key (company, delivery_id, payment_id),
    foreign key (company, delivery_id) references delivery,
    foreign key (company, payment_id) references payment
);
create trigger append_only before update or delete or truncate on allocation
    for each statement execute function refuse_change();
alter table allocation enable always trigger append_only;
