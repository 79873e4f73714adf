"""Files that laboratories keep: MATLAB of any version, read within bounds, and downloads."""
