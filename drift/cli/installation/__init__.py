"""What ``repdrift doctor`` checks of an installation."""
