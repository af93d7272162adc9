"""What other systems may rely on, written into docs/events from the code: schemas, examples, AsyncAPI, a catalogue."""
