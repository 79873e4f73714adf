"""What an installation is looked at for by ``repdrift doctor``."""
