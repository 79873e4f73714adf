"""What commands say, line by line: of this computer, of recordings, runs and their sessions."""
