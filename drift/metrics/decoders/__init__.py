"""Where an animal is, read from its units: decoders within and across sessions."""
