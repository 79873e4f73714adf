"""What is understood of files before anything is measured: which program wrote them, what they
hold, and what looks odd."""
