"""Numbers by which mechanisms are told apart: one function for simulated and recorded cells."""
