"""Customers (客户关系): master data, contacts, talks, complaints, the customer's page; all personal data is here."""
