-- A list of a month's vouchers by date.
create index voucher_dated on voucher (company, ledger, period, voucher_date, seq);
