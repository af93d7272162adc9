"""Accounting (会计): turns every event into vouchers, or keeps the reason why there is none."""
