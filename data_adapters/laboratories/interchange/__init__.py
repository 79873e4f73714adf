"""The interchange format: one file a session, in numpy, MATLAB or netCDF."""
