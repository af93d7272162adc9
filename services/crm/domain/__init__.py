"""What crm decides: pure functions on frozen values, no await, no clock, no I/O."""
