"""Everything that is written or read: atomic files, netCDF with checksums, CSV, locks,
downloads."""
