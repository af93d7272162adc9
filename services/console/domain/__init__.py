"""What the console decides: who may do what and why not, how long to wait, what lists look like. No I/O, no clock."""
