"""Tables of programs that follow cells over sessions: which cell of which session is which unit."""
