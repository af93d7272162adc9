-- Where proofs make the ledger again: a schema with the ledger's own names, empty at the beginning of each proof. A service
-- may make no tables, not even temporary ones; so this function makes these, always as the ledger's are now.
create schema rebuild;
grant usage on schema rebuild to fenlu_service;

create function empty_rebuild() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    drop table if exists rebuild.voucher, rebuild.voucher_line, rebuild.period_balance;
    create unlogged table rebuild.voucher (like public.voucher including all);
    create unlogged table rebuild.voucher_line (like public.voucher_line including all);
    create unlogged table rebuild.period_balance (like public.period_balance including all);
    grant select, insert on rebuild.voucher, rebuild.voucher_line, rebuild.period_balance to fenlu_service;
end $$;
revoke all on function empty_rebuild from public;
grant execute on function empty_rebuild to fenlu_service;
