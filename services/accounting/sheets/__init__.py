"""Files that accountants work with: vouchers and opening balances come in, vouchers go out (CSV, XLSX)."""
