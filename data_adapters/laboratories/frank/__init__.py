"""Recordings of the Frank laboratory (hc-6 and karlsson2015) on W tracks."""
