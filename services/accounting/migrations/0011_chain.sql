-- The hash chain: blocks of vouchers by place in the posting order, made behind the posting. `leaves` are the SHA-256 of the
-- vouchers' texts, one after the other, `root` is their Merkle root, `balances` the SHA-256 of the sums per month and
-- account after the last of them, and `hash` binds all of it to the block before (services/accounting/domain/chain.py).
create table chain_block (
    company   text        not null,
    ledger    text        not null,
    block     bigint      not null check (block > 0),
    first_seq bigint      not null,
    last_seq  bigint      not null check (last_seq >= first_seq),
    leaves    bytea       not null check (length(leaves) = 32 * (last_seq - first_seq + 1)),
    root      bytea       not null check (length(root) = 32),
    balances  bytea       not null check (length(balances) = 32),
    previous  bytea       not null check (length(previous) = 32),
    hash      bytea       not null check (length(hash) = 32),
    sealed_at timestamptz not null default now(),
    primary key (company, ledger, block)
);

-- A block follows the one before it without a gap.
create function check_block() returns trigger language plpgsql as $$
declare
    before record;
begin
    select last_seq, hash into before from chain_block
    where company = new.company and ledger = new.ledger and block = new.block - 1;
    if new.first_seq <> coalesce(before.last_seq, 0) + 1
       or new.previous <> coalesce(before.hash, decode(repeat('00', 32), 'hex'))
       or new.block > 1 and before.hash is null then
        raise exception 'block % of %: it does not follow the one before', new.block, new.company
            using errcode = '23514';
    end if;
    return new;
end $$;
create trigger follows before insert on chain_block for each row execute function check_block();
create trigger append_only before update or delete or truncate on chain_block
    for each statement execute function refuse_change();
alter table chain_block enable always trigger follows;
alter table chain_block enable always trigger append_only;
grant select, insert on chain_block to fenlu_service;
